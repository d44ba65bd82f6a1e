import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { openVhost } from '../../support/broker.ts'
import { ready } from '../../support/queues.ts'
import { declare, deleteQueue } from '../support/declare.ts'
import { Kedafn, kedafn } from '../support/kedafn.ts'
import { bury, empty, idsOf, numbered, traceparent, untilRefused } from './support.ts'

const vhost = await openVhost('cli-dlq-redrive')
const env = { AMQP_URL: vhost.url }
after(() => vhost.dispose())

beforeEach(async () => {
  await bury(vhost.url, [])
  for (const queue of ['logs', 'logs.dead']) await empty(vhost.url, queue)
})

test('a redrive brings each message back to its queue, in order, to be tried anew: attempts gone, trace, properties and history kept', async (t) => {
  const properties = {
    contentType: 'text/x',
    contentEncoding: 'none',
    correlationId: 'c',
    replyTo: 'r',
    timestamp: 1_700_000_000,
    type: 'y',
    appId: 'z',
  }
  const headers = {
    tenant: 'mine',
    big: 2 ** 40,
    bytes: Buffer.from([1, 255]),
    when: { '!': 'timestamp', value: 5 },
    list: [1, 'a', null],
    'x-death': [],
  }
  await bury(vhost.url, [{ id: 'f:1', properties, headers, cause: 'no net' }, { id: 'f:2' }])
  const { code, stdout, stderr } = await kedafn(t, ['dlq', 'redrive', 'logs'], { env })
  assert.deepEqual([code, stdout, stderr], [0, '2 messages moved from logs.dead to logs\n', ''])
  const [first, second, ...others] = await empty(vhost.url, 'logs')
  assert.deepEqual([first?.id, second?.id, others], ['f:1', 'f:2', []])
  const { 'kedafn-redriven': redriven, ...kept } = first?.headers ?? {}
  const { 'x-death': _, ...own } = headers
  assert.deepEqual(kept, { ...own, traceparent, 'kedafn-redrives': 1 })
  const [{ at, ...redrive }] = redriven as [Record<string, unknown>]
  assert.deepEqual(redrive, { code: 'FN_ATTEMPTS_EXHAUSTED', cause: 'no net', failed: 5 })
  assert.ok(Math.abs(Date.parse(String(at)) - Date.now()) < 60_000)
  for (const [name, value] of Object.entries(properties)) assert.equal(first?.properties[name], value, name)
  assert.equal(first?.properties.deliveryMode, 2)
  assert.equal(await ready(vhost.url, 'logs.dead'), 0)
})

test('a filter moves what fits, in order, and leaves the rest in its place; a dry run moves nothing', async (t) => {
  const letters = numbered(300).map((one, n) => ({ ...one, ...(n % 3 === 0 ? { code: 'FN_DROPPED' } : {}) }))
  const [dropped, others] = [
    letters.filter(({ code }) => code).map(({ id }) => id),
    letters.filter(({ code }) => !code).map(({ id }) => id),
  ]
  await bury(vhost.url, letters)
  const dry = await kedafn(t, ['dlq', 'redrive', 'logs', '--code', 'FN_DROPPED', '--dry-run'], { env })
  assert.deepEqual([dry.code, dry.stdout], [0, '100 messages would be moved\n  100 FN_DROPPED to logs\n'])
  assert.equal(await ready(vhost.url, 'logs'), 0)
  const wet = await kedafn(t, ['dlq', 'redrive', 'logs', '--code', 'FN_DROPPED'], { env })
  assert.deepEqual(
    [wet.code, wet.stdout],
    [0, '100 messages moved from logs.dead to logs\n200 left as not asked for\n'],
  )
  assert.deepEqual(idsOf(await empty(vhost.url, 'logs')), dropped)
  const some = await kedafn(t, ['dlq', 'redrive', 'logs', '--limit', '5'], { env })
  assert.deepEqual([some.code, some.stdout], [0, '5 messages moved from logs.dead to logs\n'])
  assert.deepEqual(idsOf(await empty(vhost.url, 'logs')), others.slice(0, 5))
  assert.deepEqual(idsOf(await empty(vhost.url, 'logs.dead')), others.slice(5))
})

test('lines that never became a message stay, unless their code is named', async (t) => {
  await bury(vhost.url, [{ id: 'f:1', code: 'FN_MAP_FAILED' }, { id: 'f:2' }])
  const { stdout } = await kedafn(t, ['dlq', 'redrive', 'logs'], { env })
  assert.equal(stdout, '1 message moved from logs.dead to logs\n1 left as not asked for\n')
  const named = await kedafn(t, ['dlq', 'redrive', 'logs', '--code', 'FN_MAP_FAILED', '--to', 'logs'], { env })
  assert.equal(named.stdout, '1 message moved from logs.dead to logs\n')
  assert.deepEqual(idsOf(await empty(vhost.url, 'logs')), ['f:2', 'f:1'])
})

test('what no queue takes, and what cannot be sent again, stays and is said; the rest is moved', async (t) => {
  const headers = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`h${n}`, 'x'.repeat(1083)]))
  await bury(vhost.url, [
    { id: 'f:1', headers: { 'kedafn-origin': 'gone' } },
    { id: 'f:2' },
    { id: 'f:3', headers, isBare: true },
  ])
  const { code, stdout } = await kedafn(t, ['dlq', 'redrive', 'logs'], { env })
  assert.deepEqual(
    [code, stdout],
    [
      1,
      "1 message moved from logs.dead to logs\n1 left: there is no queue 'gone'; --to moves them elsewhere\n1 left: with headers that cannot be sent again as they are ('f:3')\n",
    ],
  )
  assert.deepEqual(idsOf(await empty(vhost.url, 'logs')), ['f:2'])
  assert.deepEqual(idsOf(await empty(vhost.url, 'logs.dead')), ['f:1', 'f:3'])
})

test('a queue that is full ends it, and what it refused is moved when it has room', async (t) => {
  await bury(vhost.url, numbered(20))
  await vhost.fill('logs')
  await untilRefused(vhost.url, 'logs')
  const full = await kedafn(t, ['dlq', 'redrive', 'logs'], { env })
  await vhost.unfill()
  assert.equal(full.code, 1)
  assert.match(
    full.stdout,
    /^0 messages moved from logs\.dead\n\d+ left, and all behind: queue 'logs' takes no more; run again when it has room\n$/,
  )
  assert.equal(await ready(vhost.url, 'logs.dead'), 20)
  const hasRoom = async () => assert.equal((await kedafn(t, ['dlq', 'redrive', 'logs'], { env })).code, 0)
  await t.waitFor(hasRoom, { interval: 100, timeout: 60_000 })
  const moved = idsOf(await empty(vhost.url, 'logs')).filter((id) => id !== 'filling')
  assert.deepEqual(new Set(moved), new Set(numbered(20).map(({ id }) => id)))
  assert.equal(await ready(vhost.url, 'logs.dead'), 0)
})

test('Ctrl-C finishes what is on its way, says how many were moved, and the same command goes on there', async (t) => {
  await bury(vhost.url, numbered(200))
  const first = new Kedafn(t, ['dlq', 'redrive', 'logs', '--rate', '20'], { env, stdin: '' })
  await t.waitFor(async () => assert.ok((await ready(vhost.url, 'logs')) > 3), { interval: 50, timeout: 60_000 })
  first.child.kill('SIGINT')
  const { code, stdout, stderr } = await first.ended
  const moved = Number(/^(\d+) messages moved/.exec(stdout)?.[1])
  assert.equal(code, 130)
  assert.match(stderr, /interrupted; nothing is lost, and the same command goes on where this one stopped\n$/)
  assert.equal(await ready(vhost.url, 'logs'), moved)
  assert.equal(await ready(vhost.url, 'logs.dead'), 200 - moved)
  const second = await kedafn(t, ['dlq', 'redrive', 'logs'], { env })
  assert.equal(second.code, 0)
  assert.deepEqual(
    idsOf(await empty(vhost.url, 'logs')),
    numbered(200).map(({ id }) => id),
  )
})

test('a connection that is closed under it costs nothing: it goes on by itself', async (t) => {
  await bury(vhost.url, numbered(150))
  const running = new Kedafn(t, ['dlq', 'redrive', 'logs', '--rate', '30'], { env, stdin: '' })
  await t.waitFor(async () => assert.ok((await ready(vhost.url, 'logs')) > 3), { interval: 50, timeout: 60_000 })
  await t.waitFor(async () => assert.equal(await vhost.closeConnections(/dlq redrive/), 1), {
    interval: 200,
    timeout: 60_000,
  })
  const { code, stderr } = await running.ended
  assert.equal(code, 0)
  assert.match(stderr, /no session with the broker \(.*\); trying again/)
  const ids = idsOf(await empty(vhost.url, 'logs'))
  assert.deepEqual(
    [...new Set(ids)],
    numbered(150).map(({ id }) => id),
  )
  assert.ok(ids.length <= 150 + 64, `${ids.length}`)
  assert.equal(await ready(vhost.url, 'logs.dead'), 0)
})

test('what dies again while it runs is left for another run', async (t) => {
  await declare(vhost.url, [
    {
      kind: 'queue',
      name: 'again',
      arguments: {
        'x-max-length': 1000,
        'x-message-ttl': 0,
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': 'logs.dead',
      },
    },
  ])
  await bury(vhost.url, numbered(50))
  const { code, stdout } = await kedafn(t, ['dlq', 'redrive', 'logs', '--to', 'again'], { env })
  assert.deepEqual([code, stdout], [0, '50 messages moved from logs.dead to again\n'])
  const isBack = async () => assert.equal(await ready(vhost.url, 'logs.dead'), 50)
  await t.waitFor(isBack, { interval: 50, timeout: 30_000 })
  await deleteQueue(vhost.url, 'again')
  const list = await kedafn(t, ['dlq', 'list', 'logs', '--json'], { env })
  const [group] = JSON.parse(list.stdout).groups
  assert.deepEqual([group.code, group.messages, group.redriven], ['broker:expired', 50, 50])
})

test('dead letters cannot be moved to where they are', async (t) => {
  const { code, stderr } = await kedafn(t, ['dlq', 'redrive', 'logs', '--to', 'logs.dead'], { env })
  assert.equal(code, 2)
  assert.match(stderr, /^--to is 'logs\.dead', where they are\n/)
})
