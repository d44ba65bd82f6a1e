import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topologyOf } from '../../runtime/core/topology.ts'
import { inspector } from '../../runtime/rabbitmq/inspect.ts'
import { systemClock } from '../../runtime/system/clock.ts'
import { eventually, Inbox, message } from '../contract/broker-world.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { adapter, vhostFor } from './world.ts'

const vhost = await vhostFor('broker-leaks')

/** What keeps this process alive, by kind. */
function alive(): { sockets: number; timers: number } {
  const kinds = process.getActiveResourcesInfo()
  const count = (kind: string) => kinds.filter((other) => other === kind).length
  return { sockets: count('TCPSocketWrap'), timers: count('Timeout') }
}

test('after a close, polite or not, neither a socket nor a heartbeat is left', async (t) => {
  const before = alive()
  const topology = topologyOf('leaks', 'leaks', [])
  const { broker } = adapter(vhost.url)
  const publisher = broker.publisher({ window: 1, windowBytes: 1000, topology })
  const consumer = broker.consumer({ queue: 'leaks', prefetch: 1, topology })
  const inbox = new Inbox()
  consumer.start(inbox)
  await publisher.ready
  await eventually(t, () => assert.equal(inbox.readies, 1))
  // Lives that end by our own doing, with the broker still there: no route, a tag settled twice, no queue to consume.
  const nowhere = broker.publisher({ window: 1, windowBytes: 1000, topology: [] })
  nowhere.publish(message('', 'body', { routingKey: 'no-such-queue' }), () => assert.fail('confirmed'))
  publisher.publish(message('leaks', 'body'), () => {})
  await eventually(t, () => assert.equal(inbox.deliveries.length, 1))
  inbox.at(0).source.ack(1, false)
  inbox.at(0).source.ack(1, false)
  await eventually(t, () => assert.equal(inbox.readies, 2))
  const missing = broker.consumer({ queue: 'no-such-queue', prefetch: 1, topology: [] })
  missing.start(inbox)
  await assert.rejects(missing.failed, /no queue 'no-such-queue'/)
  assert.ok(alive().sockets > before.sockets)
  await Promise.all([publisher.close(), consumer.close(), nowhere.close(), missing.close()])
  await eventually(t, () => {
    const after = alive()
    assert.ok(after.sockets <= before.sockets, `${after.sockets} sockets, ${before.sockets} before`)
    // The poll has two timers of its own.
    assert.ok(after.timers <= before.timers + 2, `${after.timers} timers, ${before.timers} before`)
  })
})

test('a connection given up while its peer is silent leaves neither its socket nor its heartbeats', async (t) => {
  const proxy = await TcpProxy.to(vhost.url)
  t.after(() => proxy.shut())
  const asking = inspector(proxy.via(vhost.url), systemClock)
  assert.equal(await asking.depth('no-such-queue'), null)
  const before = alive()
  proxy.freeze()
  await asking.close()
  await eventually(t, () => {
    const after = alive()
    // The poll has two timers of its own, and a heartbeat has two.
    assert.ok(after.sockets <= before.sockets - 1, `${after.sockets} sockets, ${before.sockets} before`)
    assert.ok(after.timers <= before.timers - 2 + 2, `${after.timers} timers, ${before.timers} before`)
  })
})

test('a close at any moment of handshake and set-up leaves nothing', async (t) => {
  const before = alive()
  const topology = topologyOf('early', 'early', [])
  const moments = Array.from({ length: 60 }, (_, turns) => turns)
  await Promise.all(
    moments.map(async (turns) => {
      const { broker } = adapter(vhost.url)
      const publisher = broker.publisher({ window: 1, windowBytes: 1000, topology })
      const consumer = broker.consumer({ queue: 'early', prefetch: 1, topology })
      consumer.start(new Inbox())
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
      await Promise.all([publisher.close(), consumer.cancel().then(() => consumer.close())])
    }),
  )
  await eventually(t, () => assert.ok(alive().sockets <= before.sockets))
})
