import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { topologyOf } from '../../runtime/core/topology.ts'
import { openVhost } from '../support/broker.ts'
import { ready, take } from '../support/queues.ts'
import { declare, deleteQueue } from './support/declare.ts'
import { Kedafn, kedafn } from './support/kedafn.ts'

const vhost = await openVhost('cli-publish')
const env = { AMQP_URL: vhost.url }

before(async () => {
  await declare(vhost.url, [...topologyOf('logs', 'logs'), ...topologyOf('others', 'others')])
})
after(() => vhost.dispose())

test('each line is a message, in order, byte for byte, and the history has it too', async (t) => {
  const { code, stdout } = await kedafn(t, ['publish', 'logs', '--id', 'mine'], {
    env,
    stdin: Buffer.from('one\n\n\xff\x00\r\nlast', 'latin1'),
  })
  assert.deepEqual([code, stdout], [0, '4 lines confirmed, queue logs\n'])
  const taken = await take(vhost.url, 'logs', 4)
  assert.deepEqual(
    taken.map(({ body }) => body.toString('latin1')),
    ['one', '', '\xff\x00\r', 'last'],
  )
  // n.b. Of a stream only the management tells the length, a few seconds late.
  const inHistory = async (): Promise<void> => assert.equal((await vhost.queue('logs.history'))?.messages, 4)
  await t.waitFor(inHistory, { interval: 200, timeout: 30_000 })
})

test('--direct reaches the queue alone, and --skip leaves lines out', async (t) => {
  const { code, stdout } = await kedafn(t, ['publish', 'others', '--direct', '--skip', '2'], {
    env,
    stdin: 'a\nb\nc\n',
  })
  assert.deepEqual([code, stdout], [0, '1 line confirmed, queue others\n'])
  assert.deepEqual(
    (await take(vhost.url, 'others', 1)).map(({ body }) => body.toString()),
    ['c'],
  )
})

test('Ctrl-C says how many lines are confirmed, and what goes on there loses none and repeats none', async (t) => {
  const first = new Kedafn(t, ['publish', 'logs', '--id', 'run'], { env })
  first.child.stdin?.write('1\n2\n3\n')
  await t.waitFor(async () => assert.equal(await ready(vhost.url, 'logs'), 3), { interval: 50, timeout: 30_000 })
  first.child.kill('SIGINT')
  const { code, stdout, stderr } = await first.ended
  assert.deepEqual([code, stdout], [130, '3 lines confirmed, queue logs\n'])
  const [, command = ''] = /go on with {2}kedafn (.*?) {2}/.exec(stderr) ?? []
  assert.equal(command, 'publish logs --skip 3 --id run')
  const second = await kedafn(t, command.split(' '), { env, stdin: '1\n2\n3\n4\n5\n' })
  assert.equal(second.code, 0)
  assert.deepEqual(
    (await take(vhost.url, 'logs', 5)).map(({ body }) => body.toString()),
    ['1', '2', '3', '4', '5'],
  )
})

test('a queue that is missing, and a broker that is, end it with what to do', async (t) => {
  const { code, stderr } = await kedafn(t, ['publish', 'lgos'], { env, stdin: 'x\n' })
  assert.equal(code, 1)
  assert.match(
    stderr,
    /^FN_TOPOLOGY_MISSING there is no queue 'lgos' \(guest at 127\.0\.0\.1:\d+, vhost .*\)\nCheck the name/,
  )
  const away = await kedafn(t, ['publish', 'logs'], { env: { AMQP_URL: 'amqp://u:secret@127.0.0.1:1' }, stdin: 'x\n' })
  assert.equal(away.code, 1)
  assert.match(
    away.stderr,
    /^FN_BROKER_AWAY there is no broker \(AMQP_URL\): 127\.0\.0\.1:1: .*ECONNREFUSED.*\nCheck host and port/,
  )
  assert.ok(!away.stderr.includes('secret'))
})

test('a queue that goes while lines are sent ends it, with the number of those that are confirmed', async (t) => {
  const sending = new Kedafn(t, ['publish', 'others', '--direct', '--id', 'x'], { env })
  sending.child.stdin?.write('1\n')
  await t.waitFor(async () => assert.equal(await ready(vhost.url, 'others'), 1), { interval: 50, timeout: 30_000 })
  await deleteQueue(vhost.url, 'others')
  sending.child.stdin?.write('2\n')
  const { code, stdout, stderr } = await sending.ended
  assert.deepEqual([code, stdout], [1, '1 line confirmed, queue others\n'])
  assert.match(stderr, /failed; go on with {2}kedafn publish others --skip 1 --id x/)
  assert.match(stderr, /FN_QUEUE_GONE the broker gave a message back: no queue takes it any more/)
})

test('a connection that is cut in the middle costs no line, and the count at the end is right', async (t) => {
  const lines = Array.from({ length: 6000 }, (_, index) => `line ${index}`)
  await declare(vhost.url, topologyOf('cut', 'cut'))
  const sending = new Kedafn(t, ['publish', 'cut', '--direct', '--window', '200'], { env })
  sending.child.stdin?.write(`${lines.slice(0, 3000).join('\n')}\n`)
  await t.waitFor(async () => assert.ok((await ready(vhost.url, 'cut')) > 0), { interval: 20, timeout: 30_000 })
  const cut = async (): Promise<void> => assert.ok((await vhost.closeConnections(/^kedafn publish/)) > 0)
  await t.waitFor(cut, { interval: 100, timeout: 30_000 })
  sending.child.stdin?.end(lines.slice(3000).join('\n'))
  const { code, stdout, stderr } = await sending.ended
  assert.deepEqual([code, stdout], [0, '6,000 lines confirmed, queue cut\n'], stderr)
  assert.match(stderr, /no session with the broker; trying again/)
  const taken = await take(vhost.url, 'cut', await ready(vhost.url, 'cut'))
  const first = [...new Set(taken.map(({ body }) => body.toString()))]
  assert.deepEqual(first, lines)
  assert.ok(taken.length <= lines.length + 200, String(taken.length))
})
