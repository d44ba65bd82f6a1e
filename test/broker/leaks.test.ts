import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topologyOf } from '../../runtime/core/topology.ts'
import { eventually, Inbox, message } from '../contract/broker-world.ts'
import { adapter, vhostFor } from './world.ts'

const vhost = await vhostFor('broker-leaks')

/** What keeps this process alive, by kind. */
function alive(): { sockets: number; timers: number } {
  const kinds = process.getActiveResourcesInfo()
  const count = (kind: string) => kinds.filter((other) => other === kind).length
  return { sockets: count('TCPSocketWrap'), timers: count('Timeout') }
}

test('after a close, polite or not, neither a socket nor a heartbeat is left', async (t) => {
  let before = { sockets: 0, timers: 0 }
  // Looked at from inside the poll, which has timers of its own.
  await eventually(t, () => {
    before = alive()
  })
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
    assert.ok(after.timers <= before.timers, `${after.timers} timers, ${before.timers} before`)
  })
})
