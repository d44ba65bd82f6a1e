import assert from 'node:assert/strict'
import { after, before, type TestContext, test } from 'node:test'
import { Kedafn, kedafn } from '../support/kedafn.ts'
import { numbered, packOf, Queues } from '../support/queues.ts'

let queues: Queues
before(async () => {
  queues = await Queues.open('cli-tail')
})
after(() => queues[Symbol.asyncDispose]())

const tail = (t: TestContext, ...args: string[]) => kedafn(t, ['tail', ...args], { env: queues.env })

/** A tail that reads already. */
async function watching(t: TestContext, ...args: string[]): Promise<Kedafn> {
  const running = new Kedafn(t, ['tail', ...args], { env: queues.env })
  await t.waitFor(() => assert.match(running.stderr, /Ctrl-C ends it/), { timeout: 20_000 })
  return running
}

test('messages are shown as they pass, each stays in the queue, and Ctrl-C ends it with 0', async (t) => {
  const queue = await queues.make()
  await queues.send(queue, numbered(3))
  const running = await watching(t, queue)
  await queues.send(queue, [{ body: 'now', timestamp: 1_700_000_000 }, packOf(0, ['one', 'two'])])
  await t.waitFor(() => assert.match(running.stdout, /two\n$/), { timeout: 20_000 })
  running.child.kill('SIGINT')
  const { code, stdout } = await running.ended
  assert.deepEqual([code, stdout], [0, '3  2023-11-14T22:13:20Z  now\n4/1  -  one\n4/2  -  two\n'])
  assert.equal(await queues.ready(queue), 5)
})

test('it goes on after a lost connection, where it was', async (t) => {
  const queue = await queues.make()
  const running = await watching(t, queue)
  await queues.send(queue, numbered(2))
  await t.waitFor(() => assert.match(running.stdout, /line 1\n/), { timeout: 20_000 })
  await t.waitFor(async () => assert.equal(await queues.vhost.closeConnections(/^kedafn tail/), 1), { timeout: 20_000 })
  await queues.send(queue, numbered(2, 2))
  await t.waitFor(() => assert.match(running.stdout, /line 3\n/), { timeout: 20_000 })
  assert.deepEqual(running.stdout.match(/line \d/g), ['line 0', 'line 1', 'line 2', 'line 3'])
})

test('it begins in the past, chooses, and ends by itself after so many', async (t) => {
  const queue = await queues.make()
  const now = Math.floor(Date.now() / 1000)
  await queues.send(queue, [
    ...numbered(3).map((one) => ({ ...one, timestamp: now - 1000 })),
    packOf(100, ['ok', 'ERROR a', 'ERROR b']),
    ...numbered(3, 3).map((one) => ({ ...one, timestamp: now })),
  ])
  const lines = async (...args: string[]) => (await tail(t, queue, ...args)).stdout.match(/(line|ERROR).*/g)
  assert.deepEqual(await lines('--from', '4', '-n', '2'), ['line 3', 'line 4'])
  assert.deepEqual(await lines('--from', '0', '--match', 'ERR|5', '-n', '3'), ['ERROR a', 'ERROR b', 'line 5'])
  assert.deepEqual(await lines('--from', '10m', '-n', '4'), ['ERROR a', 'ERROR b', 'line 3'])
})

test('for a script each is one line of JSON, headers and all', async (t) => {
  const queue = await queues.make()
  await queues.send(queue, [
    { body: 'a', messageId: 'f:0', timestamp: 1_700_000_000, contentType: 'text/plain', headers: { tenant: 'a' } },
    packOf(1, ['b', 'c']),
    { body: Uint8Array.of(0xff, 0x1b) },
  ])
  const { stdout } = await tail(t, queue, '--from', '0', '-n', '4', '--json')
  const [first, second, , last] = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual(first, {
    offset: 0,
    id: 'f:0',
    time: '2023-11-14T22:13:20.000Z',
    contentType: 'text/plain',
    headers: { tenant: 'a' },
    text: 'a',
  })
  assert.deepEqual([second.offset, second.line, second.id, second.text], [1, 1, 'f:1', 'b'])
  assert.deepEqual([last.offset, last.base64], [2, Buffer.from([0xff, 0x1b]).toString('base64')])
  const shown = await tail(t, queue, '--from', '0', '-n', '1', '--headers')
  assert.match(shown.stdout, /a\n {4}id: f:0\n {4}content-type: text\/plain\n {4}tenant: a\n$/)
})

test('hostile messages reach neither the terminal nor the end of the command', async (t) => {
  const queue = await queues.make()
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  await queues.send(queue, [
    {
      body: '\x1b]0;title\x07\x1b[2J\x9b31m\u202etxt\rhidden',
      messageId: '\x1b[1m',
      headers: { 'a\x1b[2J': '\x1b[3J' },
    },
    { body: Buffer.alloc(10_000_000, 'x') },
    { body: Uint8Array.from({ length: 5000 }, (_, n) => 128 + (n % 128)) },
    { body: deep, headers: { 'kedafn-lines': 1e9, nested: { a: [{ b: Buffer.from([1]) }] } } },
    { body: 'end' },
  ])
  const shown = await tail(t, queue, '--from', '0', '-n', '5', '--headers')
  assert.equal(shown.code, 0)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that none is there is what is tested
  assert.doesNotMatch(shown.stdout.replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f\u202e]/)
  assert.match(shown.stdout, /x… \(10,000,000 bytes\)\n/)
  assert.match(shown.stdout, /\\xff… \(5,000 bytes\)\n|\\x[0-9a-f]{2}… \(5,000 bytes\)\n/)
  assert.ok(shown.stdout.length < 50_000, `${shown.stdout.length}`)
  const all = await tail(t, queue, '--from', '0', '-n', '5', '--json')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that none is there is what is tested
  assert.doesNotMatch(all.stdout.replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f\u202e]/)
  const [hostile, large, , nested] = all.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  assert.deepEqual([hostile.id, hostile.headers], ['\x1b[1m', { 'a\x1b[2J': '\x1b[3J' }])
  assert.equal(large.text.length, 10_000_000)
  assert.equal(nested.text, deep)
  const into = await queues.make()
  await kedafn(t, ['replay', queue, '--from', '0', '--into', into], { env: queues.env })
  const replayed = await queues.empty(into)
  assert.deepEqual(
    replayed.map(({ content }) => content.length),
    [replayed[0]?.content.length, 10_000_000, 5000, deep.length, 3],
  )
  assert.equal(replayed[3]?.content.toString(), deep)
})

test('a reader that goes away, such as head, ends it; a queue without a history is named', async (t) => {
  const queue = await queues.make()
  await queues.send(queue, numbered(1000))
  const running = new Kedafn(t, ['tail', queue, '--from', '0'], { env: queues.env })
  await t.waitFor(() => assert.ok(running.stdout.includes('line 0')), { timeout: 20_000 })
  running.child.stdout?.destroy()
  await queues.send(queue, numbered(1000))
  assert.equal((await running.ended).code, 0)
  const missing = await tail(t, 'nothing')
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /there is no queue 'nothing.history'/)
})
