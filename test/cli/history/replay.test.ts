import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { askManagement } from '../../../dev/broker/management.ts'
import { Workspace } from '../../support/workspace.ts'
import { Kedafn, kedafn } from '../support/kedafn.ts'
import { idsOf, numbered, packOf, Queues } from '../support/queues.ts'

let queues: Queues
before(async () => {
  queues = await Queues.open('cli-replay')
})
after(() => queues[Symbol.asyncDispose]())

const replay = (t: TestContext, ...args: string[]) => kedafn(t, ['replay', ...args], { env: queues.env })

/** A queue whose messages were taken out; its history has them. */
async function done(messages: Parameters<Queues['send']>[1]): Promise<string> {
  const queue = await queues.make()
  await queues.send(queue, messages)
  await queues.empty(queue)
  return queue
}

const id = (n: number) => `f:${n}`
const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => id(from + index))

test('what was done comes once more, in order, with its id, as if it had never been tried', async (t) => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const past = { 'kedafn-may-repeat': true, 'kedafn-failed-attempts': 2, 'kedafn-cause': 'x', tenant: 'a', traceparent }
  const [first, ...others] = numbered(100)
  const queue = await done([
    { ...first, body: Uint8Array.of(0, 255, 10), headers: past, contentType: 'a/b', timestamp: 1_700_000_000 },
    ...others,
  ])
  const { code, stdout, stderr } = await replay(t, queue, '--from', '0', '--rate', '100000')
  assert.deepEqual([code, stdout], [0, `100 messages of ${queue}.history replayed into ${queue}\n`])
  assert.match(stderr, new RegExp(`^at most 100 messages of ${queue}.history go into ${queue}, 0 s at 100,000/s$`, 'm'))
  const taken = await queues.empty(queue)
  assert.deepEqual(idsOf(taken), ids(0, 100))
  assert.deepEqual([...(taken[0]?.content ?? [])], [0, 255, 10])
  const { headers = {}, contentType, timestamp, deliveryMode } = taken[0]?.properties ?? {}
  const { 'kedafn-replay': mark, ...kept } = headers
  assert.deepEqual(kept, { tenant: 'a', traceparent })
  assert.match(String(mark), new RegExp(`^${queue}\\.history@0 20\\d\\d-.*Z$`))
  assert.deepEqual([contentType, timestamp, deliveryMode], ['a/b', 1_700_000_000, 2])
  // It went past the exchange, so the history has no more of it than before.
  const again = await replay(t, queue, '--from', '0', '--dry-run', '--json')
  assert.deepEqual(JSON.parse(again.stdout), {
    stream: `${queue}.history`,
    into: queue,
    start: 0,
    end: 100,
    messages: 100,
    lines: 100,
    outside: 0,
    copies: 0,
    replays: 0,
    unmatched: 0,
  })
  assert.equal(await queues.ready(queue), 0, 'a dry run publishes nothing')
})

test('offsets and times choose, the last one not included', async (t) => {
  const at = 1_700_000_000
  const now = Math.floor(Date.now() / 1000)
  const queue = await done([
    ...numbered(3).map((one) => ({ ...one, timestamp: at })),
    ...numbered(10, 3).map((one, index) => ({ ...one, timestamp: now - 10 + index })),
  ])
  await replay(t, queue, '--from', '1', '--to', '4', '--rate', '100000')
  assert.deepEqual(idsOf(await queues.empty(queue)), ids(1, 4))
  const iso = (seconds: number) => new Date(seconds * 1000).toISOString()
  await replay(t, queue, '--from', iso(now - 8), '--to', iso(now - 4), '--rate', '100000')
  assert.deepEqual(idsOf(await queues.empty(queue)), ids(5, 9))
  const { stdout } = await replay(t, queue, '--from', '1h', '--dry-run')
  assert.match(stdout, /^10 messages .*; left out: 3 of another time\n$/)
})

test('copies and replays are left out, packs stay packs, and of a pack the lines that match go by themselves', async (t) => {
  const mark = { 'kedafn-replay': 'other.history@0 2026-01-01T00:00:00.000Z' }
  const queue = await done([
    packOf(0, ['apple', 'pear', 'plum']),
    packOf(0, ['apple', 'pear', 'plum']),
    packOf(0, ['apple', 'pear']),
    { body: 'fig', messageId: id(9), headers: mark },
  ])
  const all = await replay(t, queue, '--from', '0', '--rate', '100000')
  assert.match(all.stdout, /^2 messages of 5 lines .*; left out: 1 copy of one before, 1 replay itself\n$/)
  const packs = await queues.empty(queue)
  assert.deepEqual(
    packs.map(({ properties }) => properties.headers?.['kedafn-lines']),
    [3, 2],
  )
  const matched = await replay(t, queue, '--from', '0', '--to', '1', '--match', '^p', '--rate', '100000')
  assert.match(matched.stdout, /^2 messages of/)
  const lines = await queues.empty(queue)
  assert.deepEqual(
    lines.map(({ content, properties }) => [
      content.toString(),
      properties.messageId,
      'kedafn-lines' in (properties.headers ?? {}),
    ]),
    [
      ['pear', 'f:1', false],
      ['plum', 'f:2', false],
    ],
  )
  await replay(t, queue, '--from', '3', '--again', '--rate', '100000')
  assert.deepEqual(idsOf(await queues.empty(queue)), [id(9)])
})

test('it goes into another queue, which has to be there', async (t) => {
  const queue = await done(numbered(5))
  const other = await queues.make()
  const { code } = await replay(t, queue, '--from', '0', '--into', other)
  assert.equal(code, 0)
  assert.deepEqual(idsOf(await queues.empty(other)), ids(0, 5))
  assert.equal(await queues.ready(queue), 0)
  const missing = await replay(t, queue, '--from', '0', '--into', 'nowhere')
  assert.deepEqual([missing.code, missing.stdout], [1, ''])
  assert.match(missing.stderr, /there is no queue 'nowhere'/)
  const noHistory = await replay(t, 'nothing', '--into', queue, '--from', '0')
  assert.equal(noHistory.code, 1)
  assert.match(noHistory.stderr, /there is no queue 'nothing.history'/)
})

test('what it cannot be meant is refused with exit code 2, and nothing is published', async (t) => {
  const queue = await done(numbered(2))
  const refused = async (words: RegExp, ...args: string[]) => {
    const { code, stdout, stderr } = await replay(t, queue, ...args)
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, words)
  }
  await refused(/^--from is missing/)
  await refused(/^--from is 'soon'; expected an offset/, '--from', 'soon')
  await refused(/^--match is '\('; expected a regular expression/, '--from', '0', '--match', '(')
  await refused(/^--dry-run keeps no --state/, '--from', '0', '--dry-run', '--state', 'x')
  await refused(/^--rate is '0'/, '--from', '0', '--rate', '0')
  assert.equal(await queues.ready(queue), 0)
})

test('Ctrl-C ends it with 130, and the command that it prints goes on: none is missing, none comes twice', async (t) => {
  const queue = await done(numbered(3000))
  const running = new Kedafn(t, ['replay', queue, '--from', '1h', '--rate', '100'], { env: queues.env })
  await t.waitFor(async () => assert.ok((await queues.ready(queue)) > 20), { timeout: 20_000 })
  running.child.kill('SIGINT')
  const { code, stderr } = await running.ended
  assert.equal(code, 130)
  const [, command = ''] = /this goes on there: {2}kedafn (.*)\n/.exec(stderr) ?? []
  assert.match(command, /^replay logs\d+ --from 2\S+Z --to 3000 --after \d+ --rate 100$/)
  await queues.send(queue, numbered(5, 3000))
  assert.equal((await kedafn(t, command.replace('--rate 100', '--rate 99999').split(' '), { env: queues.env })).code, 0)
  const taken = idsOf(await queues.empty(queue))
  // The five that came to the queue itself are among them.
  assert.deepEqual(
    taken.filter((one) => !ids(3000, 3005).includes(one)),
    ids(0, 3000),
  )
})

test('with --state it goes on by itself, with what it was told first', async (t) => {
  const workspace = new Workspace(t, queues.vhost.url)
  const state = workspace.path('replay.json')
  const queue = await done(numbered(3000))
  const running = new Kedafn(t, ['replay', queue, '--from', '1h', '--rate', '100', '--state', state], {
    env: queues.env,
  })
  await t.waitFor(async () => assert.ok((await queues.ready(queue)) > 20), { timeout: 20_000 })
  const other = await replay(t, queue, '--state', state)
  assert.equal(other.code, 1)
  assert.match(other.stderr, /process \d+ works with .*replay\.json/)
  running.child.kill('SIGINT')
  assert.equal((await running.ended).code, 130)
  const otherwise = await replay(t, queue, '--state', state, '--from', '2h', '--match', 'x')
  assert.equal(otherwise.code, 2)
  assert.match(otherwise.stderr, /is of another replay: --from was 1h, --match was not given/)
  await queues.send(queue, numbered(5, 3000))
  const next = await replay(t, queue, '--state', state, '--from', '1h', '--rate', '99999')
  assert.equal(next.code, 0)
  const taken = idsOf(await queues.empty(queue))
  assert.deepEqual(
    taken.filter((one) => !ids(3000, 3005).includes(one)),
    ids(0, 3000),
  )
  const after = await replay(t, queue, '--state', state)
  assert.deepEqual([after.code, await queues.ready(queue)], [0, 0])
  assert.match(after.stderr, /at most 0 messages/)
  assert.equal(JSON.parse(readFileSync(state, 'utf8')).next, 3000)
  for (const broken of ['', '{', '{"kind":"kedafn replay"}', 'null']) {
    writeFileSync(state, broken)
    const refused = await replay(t, queue, '--state', state)
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /is no state of a replay/)
  }
  const nowhere = await replay(t, queue, '--from', '0', '--state', join(workspace.folder, 'missing', 'state'))
  assert.equal(nowhere.code, 1)
  assert.match(nowhere.stderr, /cannot be written/)
})

test('a closed connection and a full queue only hold it up, and it repeats no more than was in flight', async (t) => {
  const queue = await done(numbered(1000))
  const running = new Kedafn(t, ['replay', queue, '--from', '0', '--rate', '100'], { env: queues.env })
  await t.waitFor(async () => assert.ok((await queues.ready(queue)) > 20), { timeout: 20_000 })
  await t.waitFor(async () => assert.equal(await queues.vhost.closeConnections(/^kedafn replay/), 2), {
    timeout: 20_000,
  })
  await queues.vhost.fill(queue)
  await t.waitFor(() => assert.match(running.stderr, /nacked/), { timeout: 20_000 })
  await queues.vhost.unfill()
  const { code, stdout } = await running.ended
  assert.deepEqual([code, stdout], [0, `1,000 messages of ${queue}.history replayed into ${queue}\n`])
  const taken = idsOf(await queues.empty(queue))
  assert.deepEqual([...new Set(taken)].sort(), ids(0, 1000).sort())
  assert.ok(taken.length < 1100, `${taken.length}`)
})

test('what is published and not confirmed is not done: killed then, it begins there again', async (t) => {
  const state = new Workspace(t, queues.vhost.url).path('replay.json')
  const queue = await done(numbered(500))
  const args = ['replay', queue, '--from', '0', '--state', state, '--rate', '100000']
  await queues.vhost.fill(queue)
  const running = new Kedafn(t, args, { env: queues.env })
  await t.waitFor(() => assert.match(running.stderr, /nacked/), { timeout: 20_000 })
  running.child.kill('SIGKILL')
  await running.ended
  // n.b. the limit of a full queue is soft: it takes a few before it takes none.
  const { next } = JSON.parse(readFileSync(state, 'utf8'))
  const there = await queues.ready(queue)
  assert.ok(next <= there, `${next} are done, ${there} are there`)
  await queues.vhost.unfill()
  assert.equal((await kedafn(t, args, { env: queues.env })).code, 0)
  assert.deepEqual([...new Set(idsOf(await queues.empty(queue)))], ids(0, 500))
})

test('Ctrl-C ends it also when the queue takes nothing', async (t) => {
  const queue = await done(numbered(500))
  await queues.vhost.fill(queue)
  t.after(() => queues.vhost.unfill())
  const running = new Kedafn(t, ['replay', queue, '--from', '0', '--rate', '100000'], { env: queues.env })
  await t.waitFor(() => assert.match(running.stderr, /nacked/), { timeout: 20_000 })
  running.child.kill('SIGINT')
  const { code, stderr } = await running.ended
  assert.equal(code, 130)
  const [, offset = ''] = /stopped at offset (\d+); this goes on there/.exec(stderr) ?? []
  assert.ok(Number(offset) <= (await queues.ready(queue)), stderr)
})

test('a queue that is deleted in the middle ends it with 1, and how to go on is said', async (t) => {
  const queue = await done(numbered(3000))
  const other = await queues.make()
  const running = new Kedafn(t, ['replay', queue, '--from', '0', '--rate', '100', '--into', other], { env: queues.env })
  await t.waitFor(async () => assert.ok((await queues.ready(other)) > 5), { timeout: 20_000 })
  await queues.delete(other)
  const { code, stderr } = await running.ended
  assert.equal(code, 1)
  assert.match(stderr, /no queue takes it any more/)
  assert.match(
    stderr,
    /this goes on there: {2}kedafn replay logs\d+ --from 0 --to 3000 --after \d+ --into logs\d+ --rate 100\n/,
  )
})

test('a user who may read the history and write to the default exchange may replay, and watch', async (t) => {
  const queue = await done(numbered(3))
  const [user, password] = ['operator', 'secret']
  const manage = async (path: string, body: unknown) => {
    const { ok, status } = await askManagement(queues.vhost.managementUrl, { method: 'PUT', path, body })
    assert.ok(ok, `${status}`)
  }
  const name = `${user}-${process.pid}`
  await manage(`users/${name}`, { password, tags: '' })
  t.after(() => askManagement(queues.vhost.managementUrl, { method: 'DELETE', path: `users/${name}` }))
  const permissions = { configure: '^$', write: '^amq\\.default$', read: `^${queue}\\.history$` }
  await manage(`permissions/${encodeURIComponent(queues.vhost.vhost)}/${name}`, permissions)
  const env = { ...queues.env, AMQP_USERNAME: name, AMQP_PASSWORD: password }
  const replayed = await kedafn(t, ['replay', queue, '--from', '0'], { env })
  assert.deepEqual([replayed.code, await queues.ready(queue)], [0, 3], replayed.stderr)
  const tailed = await kedafn(t, ['tail', queue, '--from', '0', '--count', '3'], { env })
  assert.equal(tailed.stdout.match(/line \d/g)?.length, 3)
  const peeked = await kedafn(t, ['peek', queue], { env })
  assert.equal(peeked.code, 1)
  assert.match(peeked.stderr, /^FN_PERMISSION_REFUSED /)
})
