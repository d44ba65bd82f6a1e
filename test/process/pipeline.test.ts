import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, test } from 'node:test'
import { prefetchOf } from '../../runtime/core/scale.ts'
import { openVhost } from '../support/broker.ts'
import { take } from '../support/queues.ts'
import { bundles, compareLines, Workspace } from '../support/workspace.ts'

const vhost = await openVhost('process-pipeline')
const built = await bundles()
after(async () => {
  built.dispose()
  await vhost.dispose()
})

const poll = { interval: 20, timeout: 30_000 }
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `line ${String(i).padStart(8, '0')}`)

test('any bytes come out as they went in: CRLF, NUL, invalid UTF-8, empty lines, a line of 1 MiB', async (t) => {
  const work = new Workspace(t, vhost.url)
  const odd = Buffer.concat([
    Buffer.from('plain\r\n\n\n\0nul\0\n'),
    Buffer.from([0xff, 0xfe, 0x80, 0x0a, 0xed, 0xa0, 0x80, 0x0a, 0xef, 0xbb, 0xbf, 0x62, 0x6f, 0x6d, 0x0a]),
    Buffer.alloc(1024 * 1024, 'x'),
    Buffer.from('\nümläut €\n'),
    Buffer.from(Array.from({ length: 256 }, (_, byte) => (byte === 10 ? 11 : byte))),
    Buffer.from('\n'),
  ])
  work.write(odd)
  const consumer = work.start(built.of('log-consumer'))
  const producer = work.start(built.of('log-producer'), { KEDAFN_ONCE: 'true' })
  assert.deepEqual(await producer.exited, { code: 0, signal: null })
  await t.waitFor(() => assert.equal(work.read().length, odd.length), poll)
  assert.equal(sha256(work.read()), sha256(odd))
  consumer.kill('SIGTERM')
  assert.deepEqual(await consumer.exited, { code: 0, signal: null })
})

test('a line is sent when its newline is there; lines appended while it runs come out', async (t) => {
  const work = new Workspace(t, vhost.url)
  work.write('a\nb')
  const consumer = work.start(built.of('log-consumer'))
  const producer = work.start(built.of('log-producer'))
  await t.waitFor(() => assert.equal(String(work.read()), 'a\n'), poll)
  await producer.until('one line is confirmed', () => producer.counters?.confirmed === 1)
  work.append('c\n')
  await t.waitFor(() => assert.equal(String(work.read()), 'a\nbc\n'), poll)
  producer.kill('SIGTERM')
  assert.deepEqual(await producer.exited, { code: 0, signal: null })
  consumer.kill('SIGTERM')
  assert.deepEqual(await consumer.exited, { code: 0, signal: null })
})

test('a producer killed in mid-file goes on at its checkpoint: no line missing, repeats bounded, order kept', async (t) => {
  const work = new Workspace(t, vhost.url)
  const lines = numbered(60_000)
  work.write(`${lines.join('\n')}\n`)
  const consumer = work.start(built.of('log-consumer'))
  const killed = work.start(built.of('log-producer'), { KEDAFN_ONCE: 'true' })
  await killed.until('some thousand lines are confirmed', () => (killed.counters?.confirmed ?? 0) > 5000)
  killed.kill('SIGKILL')
  assert.equal((await killed.exited).signal, 'SIGKILL')
  const again = work.start(built.of('log-producer'), { KEDAFN_ONCE: 'true' })
  assert.deepEqual(await again.exited, { code: 0, signal: null })
  const sentAgain = again.counters?.sent ?? 0
  assert.ok(sentAgain < lines.length, `it went on, and did not begin anew: ${sentAgain} lines`)
  await t.waitFor(() => assert.equal(work.lines().at(-1), lines.at(-1)), poll)
  const { missing, strangers, repeated, ordered } = compareLines(lines, work.lines())
  assert.deepEqual({ missing, strangers, ordered }, { missing: 0, strangers: 0, ordered: true })
  // window + checkpointLines, both 1000 by default
  assert.ok(repeated <= 2000, `${repeated} repeats`)
  consumer.kill('SIGTERM')
  assert.equal((await consumer.exited).code, 0)
})

test('packed lines come out whole and in order, also when the producer is killed among them', async (t) => {
  const work = new Workspace(t, vhost.url)
  const lines = numbered(200_000)
  work.write(`${lines.join('\n')}\n`)
  const packing = { KEDAFN_LINES_PER_MESSAGE: '100' }
  const consumer = work.start(built.of('log-consumer'), { ...packing, KEDAFN_BATCH_SIZE: '2000' })
  const env = { ...packing, KEDAFN_ONCE: 'true', KEDAFN_WINDOW: '50', KEDAFN_CHECKPOINT_LINES: '10' }
  const killed = work.start(built.of('log-producer'), env)
  await killed.until('some thousand lines are confirmed', () => (killed.counters?.confirmed ?? 0) > 10_000)
  killed.kill('SIGKILL')
  await killed.exited
  const again = work.start(built.of('log-producer'), env)
  assert.deepEqual(await again.exited, { code: 0, signal: null })
  assert.ok((again.counters?.sent ?? 0) < lines.length, 'it went on, and did not begin anew')
  await t.waitFor(() => assert.equal(work.lines().at(-1), lines.at(-1)), poll)
  const { repeated, ...compared } = compareLines(lines, work.lines())
  assert.deepEqual(compared, { missing: 0, strangers: 0, ordered: true })
  assert.ok(repeated <= (50 + 10) * 100, `${repeated} repeats`)
  consumer.kill('SIGTERM')
  assert.equal((await consumer.exited).code, 0)
  const { acked = 0, received = 0, repeated: told = 0, handedBack = 0 } = consumer.counters ?? {}
  assert.equal(acked + told + handedBack, received)
})

test('a consumer killed between its write and its ack repeats at most what it held, and loses nothing', async (t) => {
  const work = new Workspace(t, vhost.url)
  const lines = numbered(40_000)
  work.write(`${lines.join('\n')}\n`)
  const producer = work.start(built.of('log-producer'), { KEDAFN_ONCE: 'true' })
  const killed = work.start(built.of('log-consumer'))
  await killed.until('some thousand lines are written', () => (killed.counters?.acked ?? 0) > 3000)
  killed.kill('SIGKILL')
  assert.equal((await killed.exited).signal, 'SIGKILL')
  const again = work.start(built.of('log-consumer'))
  assert.equal((await producer.exited).code, 0)
  await t.waitFor(() => assert.equal(work.lines().at(-1), lines.at(-1)), poll)
  const { missing, strangers, repeated } = compareLines(lines, work.lines())
  assert.deepEqual({ missing, strangers }, { missing: 0, strangers: 0 })
  assert.ok(repeated <= prefetchOf(500, 1), `${repeated} repeats`)
  again.kill('SIGTERM')
  assert.equal((await again.exited).code, 0)
})

test('SIGTERM drains both: what was confirmed is acked or back in the queue, exit code 0', async (t) => {
  const work = new Workspace(t, vhost.url)
  const lines = numbered(200_000)
  work.write(`${lines.join('\n')}\n`)
  const consumer = work.start(built.of('log-consumer'))
  const producer = work.start(built.of('log-producer'))
  await consumer.until('it is at work', () => (consumer.counters?.acked ?? 0) > 2000)
  producer.kill('SIGTERM')
  consumer.kill('SIGTERM')
  assert.deepEqual(await producer.exited, { code: 0, signal: null })
  assert.deepEqual(await consumer.exited, { code: 0, signal: null })
  const { sent, confirmed } = producer.counters ?? {}
  assert.ok(sent !== undefined && sent < lines.length, 'it was stopped in mid-file')
  assert.equal(confirmed, sent)
  const { received, acked, handedBack } = consumer.counters ?? {}
  assert.equal(received, (acked ?? 0) + (handedBack ?? 0))
  assert.equal(work.lines().length, acked)

  const rest = work.start(built.of('log-consumer'))
  const wanted = lines.slice(0, confirmed)
  await t.waitFor(() => assert.equal(compareLines(wanted, work.lines()).missing, 0), { interval: 100, timeout: 30_000 })
  rest.kill('SIGTERM')
  assert.equal((await rest.exited).code, 0)
  const { strangers, repeated } = compareLines(wanted, work.lines())
  assert.equal(strangers, 0)
  // At least once: an ack that is not through when a close runs out of time costs a repeat, and no more than were unsettled.
  assert.ok(repeated <= prefetchOf(500, 1), `${repeated} repeats`)
  t.diagnostic(`${repeated} repeats`)
})

test('a line over the limit goes to dead letters in parts, and the lines behind it flow', async (t) => {
  const work = new Workspace(t, vhost.url)
  const long = 'x'.repeat(2500)
  work.write(`before\n${long}\nbehind\n`)
  const consumer = work.start(built.of('log-consumer'))
  const producer = work.start(built.of('log-producer'), { KEDAFN_ONCE: 'true', KEDAFN_MAX_LINE_BYTES: '1000' })
  assert.equal((await producer.exited).code, 0)
  assert.equal(producer.counters?.dead, 1)
  await t.waitFor(() => assert.equal(String(work.read()), 'before\nbehind\n'), poll)
  const dead = await take(vhost.url, 'logs.dead', 3)
  assert.equal(dead.map((message) => message.body.toString()).join(''), long)
  assert.deepEqual(
    dead.map(({ headers }) => [headers['kedafn-code'], headers['kedafn-part'], headers['kedafn-last-part']]),
    [
      ['FN_LINE_TOO_LONG', 0, false],
      ['FN_LINE_TOO_LONG', 1, false],
      ['FN_LINE_TOO_LONG', 2, true],
    ],
  )
  consumer.kill('SIGTERM')
  assert.equal((await consumer.exited).code, 0)
})

test('a bad environment names every problem at once, exit code 2, no stack trace, no secret', async (t) => {
  const work = new Workspace(t, vhost.url)
  const consumer = work.start(built.of('log-consumer'), {
    AMQP_URL: 'amqp://me:hunter2@host:port/x',
    LOG_LEVEL: 'loud',
    KEDAFN_BATCH_SIZE: '0',
    KEDAFN_GRACE_MS: 'soon',
  })
  assert.deepEqual(await consumer.exited, { code: 2, signal: null })
  for (const name of ['AMQP_URL', 'LOG_LEVEL', 'KEDAFN_BATCH_SIZE', 'KEDAFN_GRACE_MS', '"soon"', '1 to 10000']) {
    assert.ok(consumer.stderr.includes(name), `${name} in:\n${consumer.stderr}`)
  }
  assert.doesNotMatch(consumer.stderr, /hunter2|\n\s+at /)
})

test('a wrong password ends the function with a coded error that says what to do, exit code 1', async (t) => {
  const work = new Workspace(t, vhost.url)
  const url = new URL(vhost.url)
  url.password = 'wrong'
  const consumer = work.start(built.of('log-consumer'), { AMQP_URL: url.href })
  assert.deepEqual(await consumer.exited, { code: 1, signal: null })
  const error = consumer.entries.find((entry) => entry.level === 'error')?.error
  assert.equal((error as { code?: string }).code, 'FN_LOGIN_REFUSED')
})
