import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { topologyOf } from '../../runtime/core/topology.ts'
import { bodies, eventually, firsts, Inbox, message } from '../contract/broker-world.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { adapter, vhostFor } from './world.ts'

const vhost = await vhostFor('broker-faults')
const windowBytes = 2 ** 20

/** A publisher and a consumer behind a proxy, both at work. */
async function atWork(t: TestContext, { heartbeatS = 10 } = {}) {
  const proxy = await TcpProxy.to(vhost.url)
  t.after(() => proxy.shut())
  const { broker, instruments, entries } = adapter(proxy.via(vhost.url), { heartbeatS })
  const queue = vhost.name(t)
  const topology = topologyOf(queue, queue, [])
  const publisher = broker.publisher({ window: 100, windowBytes, topology })
  const inbox = new Inbox()
  const consumer = broker.consumer({ queue, prefetch: 100, topology })
  consumer.start(inbox)
  publisher.publish(message(queue, 'first'), () => {})
  await publisher.idle()
  await eventually(t, () => assert.deepEqual([inbox.bodies, inbox.readies], [['first'], 1]))
  inbox.at(0).source.ack(1, false)
  const close = () => Promise.all([publisher.close(), consumer.close()])
  t.after(close)
  let turns = 0
  /** Both do their work on a new session. */
  const recovers = async () => {
    const body = `turn ${++turns}`
    publisher.publish(message(queue, body), () => {})
    await publisher.idle()
    await eventually(t, () => {
      assert.equal(inbox.bodies.at(-1), body)
      assert.equal(inbox.readies, 1 + inbox.lostSources.length)
    })
  }
  return { proxy, broker, instruments, entries, queue, topology, publisher, consumer, inbox, close, recovers }
}

test('a connection that the broker closes comes again', async (t) => {
  const { inbox, instruments, entries, recovers, close } = await atWork(t)
  const path = `vhosts/${encodeURIComponent(vhost.vhost)}/connections`
  type Listed = { name: string; user_provided_name?: string }[]
  const ours = async () =>
    ((await vhost.api('GET', path)) as Listed).filter(({ user_provided_name: name }) => name?.startsWith('kedafn test'))
  await eventually(t, async () => assert.equal((await ours()).length, 2))
  for (const { name } of await ours()) await vhost.api('DELETE', `connections/${encodeURIComponent(name)}`)
  await eventually(t, () => assert.equal(instruments.counters.reconnects, 2))
  await recovers()
  assert.equal(inbox.lostSources.length, 1)
  const causes = entries.filter(({ level }) => level === 'warn').map(({ fields }) => String(fields.cause))
  assert.equal(causes.length, 2)
  for (const cause of causes) assert.match(cause, /CONNECTION[-_]FORCED/)
  await close()
})

test('a reset connection comes again within two seconds, time after time', async (t) => {
  const { proxy, inbox, instruments, recovers, close } = await atWork(t)
  for (let turn = 1; turn <= 5; turn++) {
    const begun = performance.now()
    proxy.reset()
    await eventually(t, () => assert.equal(inbox.lostSources.length, turn))
    await recovers()
    assert.ok(performance.now() - begun < 2000)
  }
  assert.equal(instruments.counters.reconnects, 10)
  await close()
})

test('a connection whose end the broker hangs up comes again', async (t) => {
  const { proxy, inbox, recovers, close } = await atWork(t)
  proxy.hangUp()
  await eventually(t, () => assert.equal(inbox.lostSources.length, 1))
  await recovers()
  await close()
})

test('a peer that went silent is noticed by its missing heartbeats', async (t) => {
  const { proxy, inbox, recovers, close } = await atWork(t, { heartbeatS: 1 })
  const begun = performance.now()
  proxy.freeze('present')
  await eventually(t, () => assert.equal(inbox.lostSources.length, 1))
  assert.ok(performance.now() - begun < 5000)
  await recovers()
  await close()
})

test('a cancel that a silent peer does not answer ends the session, long before heartbeats would', async (t) => {
  const { proxy, consumer, inbox, close } = await atWork(t)
  proxy.freeze()
  const begun = performance.now()
  await consumer.cancel()
  assert.ok(performance.now() - begun < 8000)
  await eventually(t, () => assert.equal(inbox.lostSources.length, 1))
  await close()
})

test('a broker that is not there at the start is waited for', async (t) => {
  const proxy = await TcpProxy.to(vhost.url)
  t.after(() => proxy.shut())
  await proxy.shut()
  const { broker, instruments, entries } = adapter(proxy.via(vhost.url))
  const queue = vhost.name(t)
  const topology = topologyOf(queue, queue, [])
  const publisher = broker.publisher({ window: 10, windowBytes, topology })
  const consumer = broker.consumer({ queue, prefetch: 1, topology })
  const inbox = new Inbox()
  consumer.start(inbox)
  publisher.publish(message(queue, 'early'), () => {})
  await eventually(t, () => assert.ok(entries.filter(({ level }) => level === 'warn').length >= 4))
  assert.match(String(entries[0]?.fields.cause), /ECONNREFUSED/)
  const begun = performance.now()
  await proxy.open()
  await publisher.idle()
  await eventually(t, () => assert.deepEqual(inbox.bodies, ['early']))
  assert.ok(performance.now() - begun < 2000)
  assert.equal(instruments.counters.reconnects, 0)
  await Promise.all([publisher.close(), consumer.close()])
})

for (const from of ['client', 'server'] as const) {
  test(`a reset at any byte that the ${from} sends in handshake and set-up leads to a new session`, async (t) => {
    const queue = vhost.name(t)
    const topology = topologyOf(queue, queue, [])
    const first = adapter(vhost.url).broker.publisher({ window: 1, windowBytes, topology })
    await first.ready
    await first.close()
    const begin = async (bytes: number) => {
      await using proxy = await TcpProxy.to(vhost.url)
      proxy.resetAfter(bytes, from)
      const { broker } = adapter(proxy.via(vhost.url))
      const publisher = broker.publisher({ window: 1, windowBytes, topology })
      publisher.publish(message('', 'body', { routingKey: `${queue}.dead` }), () => {})
      const inbox = new Inbox()
      const consumer = broker.consumer({ queue, prefetch: 1, topology })
      consumer.start(inbox)
      await publisher.idle()
      await eventually(t, () => assert.ok(inbox.readies > 0))
      await Promise.all([publisher.close(), consumer.close()])
      return proxy.accepted > 2
    }
    // The sessions take turns in bytes: the proxy counts what comes on either.
    const cuts = Array.from({ length: 60 }, (_, index) => 1 + index * 37)
    const wasCut = await Promise.all(cuts.map(begin))
    assert.ok(wasCut.filter(Boolean).length > 30, `${wasCut.filter(Boolean).length} of 60 were cut`)
  })
}

test('a channel that the broker closes ends the session, and a new one stands', async (t) => {
  const { inbox, recovers, close } = await atWork(t)
  // n.b. a tag is settled once: the broker closes the channel over the second time.
  inbox.at(0).source.ack(1, false)
  await eventually(t, () => assert.equal(inbox.lostSources.length, 1))
  await recovers()
  await close()
})

test('over a slow network the window still fills, and what is acked before a close is acked', async (t) => {
  const { proxy, publisher, consumer, inbox, queue } = await atWork(t)
  proxy.latencyMs = 30
  for (const body of bodies(50)) publisher.publish(message(queue, body), () => {})
  await publisher.idle()
  await eventually(t, () => assert.equal(inbox.deliveries.length, 51))
  inbox.at(-1).source.ack(51, true)
  await Promise.all([publisher.close(), consumer.close()])
  assert.equal(await vhost.ready(queue), 0)
})

test('over a line of 100 kB/s a full window takes its time; no heartbeat is missed, nothing is lost, and the order stays', async (t) => {
  const { proxy, publisher, inbox, queue, instruments, close } = await atWork(t, { heartbeatS: 1 })
  proxy.bytesPerS = 100_000
  const large = bodies(30).map((body) => body.padEnd(10_000, '.'))
  const begun = performance.now()
  for (const body of large) publisher.publish(message(queue, body), () => {})
  await publisher.idle()
  // A line without a limit does it in a few milliseconds: this one was the limit.
  assert.ok(performance.now() - begun > 2000)
  await eventually(t, () => assert.equal(inbox.deliveries.length, 31))
  assert.deepEqual(inbox.bodies, ['first', ...large])
  assert.equal(instruments.counters.reconnects, 0)
  proxy.bytesPerS = Number.POSITIVE_INFINITY
  await close()
})

test('resets while a window is on its way lose nothing and keep the order', async (t) => {
  const { proxy, publisher, consumer, inbox, queue } = await atWork(t)
  const confirmed: string[] = []
  for (const [index, body] of bodies(600).entries()) {
    if (!publisher.hasRoom()) await publisher.room()
    publisher.publish(message(queue, body), () => confirmed.push(body))
    if (index % 150 === 149) proxy.resetAfter(300, index % 300 === 149 ? 'client' : 'server')
  }
  await publisher.idle()
  assert.deepEqual(confirmed, bodies(600))
  await eventually(t, () => {
    for (const { source, tag } of inbox.deliveries.slice(-1)) source.ack(tag, true)
    assert.equal(new Set(inbox.bodies).size, 601)
  })
  assert.deepEqual(firsts(inbox.bodies), ['first', ...bodies(600)])
  await Promise.all([publisher.close(), consumer.close()])
})
