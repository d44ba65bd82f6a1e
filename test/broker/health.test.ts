import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topologyOf } from '../../runtime/core/topology.ts'
import { eventually, Inbox } from '../contract/broker-world.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { adapter, vhostFor } from './world.ts'

const vhost = await vhostFor('broker-health')
const publishing = { window: 1, windowBytes: 1000 }

test('a process is ready once its consumer is registered and its publisher publishes, and not while either is away', async (t) => {
  const proxy = await TcpProxy.to(vhost.url)
  t.after(() => proxy.shut())
  await proxy.shut()
  const { broker, health, entries } = adapter(proxy.via(vhost.url), { budgetMs: 1000 })
  const queue = vhost.name(t)
  const topology = topologyOf(queue, queue, [])
  const publisher = broker.publisher({ ...publishing, topology })
  const consumer = broker.consumer({ queue, prefetch: 1, topology })
  consumer.start(new Inbox())
  assert.equal(health.answer().live, true)
  await eventually(t, () => assert.equal(health.answer().live, false))
  assert.match(health.answer().reasons.join(), /consumer: no session for \d+ ms: connect ECONNREFUSED/)
  const errors = () => entries.filter(({ level }) => level === 'error').map(({ fields }) => String(fields.error))
  await eventually(t, () => assert.equal(errors().length, 2))
  for (const error of errors()) assert.match(error, /ECONNREFUSED/)
  await proxy.open()
  await eventually(t, () => assert.deepEqual(health.answer(), { live: true, ready: true, reasons: [] }))
  await proxy.shut()
  await eventually(t, () => assert.deepEqual([health.answer().live, health.answer().ready], [true, false]))
  await Promise.all([publisher.close(), consumer.close()])
  assert.deepEqual(health.answer().reasons, ['no session yet'])
})

test('a producer that waits for the lock is ready, and says what it waits for', async (t) => {
  const { broker, health } = adapter(vhost.url)
  const queue = vhost.name(t)
  const options = { ...publishing, topology: [], lock: `${queue}.lock`, admit: async () => {}, checkpointQueue: null }
  const holder = adapter(vhost.url).broker.locked(options).publisher
  await holder.ready
  const waiting = broker.locked(options).publisher
  const reasons = [`publisher: another producer has the lock '${queue}.lock'`]
  await eventually(t, () => assert.deepEqual(health.answer(), { live: true, ready: true, reasons }))
  await holder.close()
  await waiting.ready
  assert.deepEqual(health.answer(), { live: true, ready: true, reasons: [] })
  await waiting.close()
})

test('a queue whose home node stays down leaves the process not live, and an error that says what to do', async (t) => {
  const proxy = await TcpProxy.to(vhost.url)
  t.after(() => proxy.shut())
  const { broker, health, entries } = adapter(proxy.via(vhost.url), { budgetMs: 1000 })
  // n.b. this very reply comes only from a cluster, or in a broker's first moments: the words alone tell it from a missing queue.
  proxy.rewrite("no queue 'at-home'", "home node 'at-hom'")
  const consumer = broker.consumer({ queue: 'at-home', prefetch: 1, topology: [] })
  consumer.start(new Inbox())
  await eventually(t, () => assert.equal(health.answer().live, false))
  const logged = (wanted: string) => entries.filter(({ level }) => level === wanted)
  await eventually(t, () => assert.ok(logged('warn').length > 1, 'it tries again and again'))
  await eventually(t, () => assert.equal(logged('error').length, 1))
  assert.match(String(logged('error')[0]?.fields.error), /home node .* start it, or delete the queue/)
  assert.match(String(logged('warn')[0]?.fields.advice), /start it, or delete the queue/)
  await vhost.ask((channel) => channel.assertQueue('at-home', { durable: true }))
  proxy.stopRewriting()
  await eventually(t, () => assert.deepEqual(health.answer(), { live: true, ready: true, reasons: [] }))
  await consumer.close()
})
