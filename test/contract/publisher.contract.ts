import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FnError } from '../../runtime/core/errors.ts'
import { deadQueueOf, producerTopologyOf, topologyOf } from '../../runtime/core/topology.ts'
import { bodies, eventually, firsts, Inbox, message, type OpenWorld, topology } from './broker-world.ts'

const windowBytes = 2 ** 20
const queueGone = { code: 'FN_QUEUE_GONE' }

/** What every adapter of the port Publisher keeps. */
export function publisherContract(open: OpenWorld): void {
  test('every publish is confirmed once, in the order of the publishes', async (t) => {
    const { broker, queue, take } = await open(t)
    const publisher = broker.publisher({ window: 20, windowBytes, topology: topology(queue) })
    const confirmed: string[] = []
    for (const body of bodies(100)) {
      if (!publisher.hasRoom()) await publisher.room()
      publisher.publish(message(queue, body), () => confirmed.push(body))
    }
    await publisher.idle()
    assert.deepEqual(confirmed, bodies(100))
    assert.equal(publisher.unconfirmed(), 0)
    await publisher.close()
    assert.deepEqual(await take(queue), bodies(100))
  })

  test('a message arrives with its id, content type, headers and its timestamp in whole seconds', async (t) => {
    const { broker, queue } = await open(t)
    const publisher = broker.publisher({ window: 10, windowBytes, topology: topology(queue) })
    const headers = { text: 'ü', number: 7, large: 2 ** 40, fraction: 0.5, yes: true }
    const more = { messageId: 'file:12', contentType: 'text/plain', timestamp: 1_700_000_000_999, headers }
    publisher.publish(message(queue, 'body', more), () => {})
    publisher.publish(message(queue, '', { messageId: '' }), () => {})
    await publisher.idle()
    const inbox = new Inbox()
    const consumer = broker.consumer({ queue, prefetch: 10, topology: topology(queue) })
    consumer.start(inbox)
    await eventually(t, () => assert.deepEqual(inbox.bodies, ['body', '']))
    const { messageId, contentType, timestamp, redelivered } = inbox.at(0)
    assert.deepEqual(
      { messageId, contentType, timestamp, redelivered, headers: { ...inbox.at(0).headers } },
      { ...more, timestamp: 1_700_000_000_000, redelivered: false },
    )
    assert.equal(inbox.at(1).contentType, undefined)
    assert.equal(inbox.at(1).timestamp, undefined)
    assert.deepEqual({ ...inbox.at(1).headers }, {})
    await Promise.all([publisher.close(), consumer.close()])
  })

  test('a publisher takes an ordered queue as it stands, and one that is not', async (t) => {
    for (const ordered of [true, false]) {
      const { broker, queue } = await open(t)
      const consumer = broker.consumer({ queue, prefetch: 1, topology: topologyOf(queue, queue, [], ordered) })
      const inbox = new Inbox()
      consumer.start(inbox)
      await eventually(t, () => assert.equal(inbox.readies, 1))
      const producerTopology = producerTopologyOf(queue, queue, !ordered)
      const publisher = broker.publisher({ window: 1, windowBytes, topology: producerTopology })
      publisher.publish(message(queue, 'body'), () => {})
      await eventually(t, () => assert.deepEqual(inbox.bodies, ['body']))
      await Promise.all([publisher.close(), consumer.close()])
    }
  })

  test('a full window has no room until a confirm comes', async (t) => {
    const { broker, queue } = await open(t)
    const publisher = broker.publisher({ window: 3, windowBytes, topology: topology(queue) })
    // Nothing is confirmed before the session stands, and that takes more than this turn.
    for (const body of bodies(3)) {
      assert.equal(publisher.hasRoom(), true)
      publisher.publish(message(queue, body), () => {})
    }
    assert.equal(publisher.hasRoom(), false)
    assert.equal(publisher.unconfirmed(), 3)
    await publisher.room()
    assert.equal(publisher.hasRoom(), true)
    await publisher.close()
  })

  test('a window full of bytes has no room, but one message of any size fits', async (t) => {
    const { broker, queue } = await open(t)
    const publisher = broker.publisher({ window: 10, windowBytes: 100, topology: topology(queue) })
    publisher.publish(message(queue, 'x'.repeat(99)), () => {})
    assert.equal(publisher.hasRoom(), true)
    publisher.publish(message(queue, 'y'), () => {})
    assert.equal(publisher.hasRoom(), false)
    await publisher.idle()
    assert.equal(publisher.hasRoom(), true)
    publisher.publish(message(queue, 'z'.repeat(500)), () => {})
    assert.equal(publisher.hasRoom(), false)
    await publisher.room()
    await publisher.close()
  })

  test('idle resolves at once when nothing waits, and else after the last confirm', async (t) => {
    const { broker, queue } = await open(t)
    const publisher = broker.publisher({ window: 10, windowBytes, topology: topology(queue) })
    await publisher.idle()
    let confirmed = 0
    for (const body of bodies(5)) publisher.publish(message(queue, body), () => confirmed++)
    await publisher.idle()
    assert.equal(confirmed, 5)
    await publisher.close()
  })

  test('what no queue takes is not confirmed until one is bound, and keeps its order', async (t) => {
    const world = await open(t)
    const { broker, queue, take } = world
    const publisher = broker.publisher({ window: 10, windowBytes, topology: topology(queue).slice(0, -2) })
    await publisher.ready
    const confirmed: string[] = []
    for (const body of bodies(5)) publisher.publish(message(queue, body), () => confirmed.push(body))
    // A fence on the same broker: what comes after it is confirmed, these are not.
    const fence = broker.publisher({ window: 10, windowBytes, topology: [] })
    fence.publish(message('', 'fence', { routingKey: deadQueueOf(queue) }), () => {})
    await fence.idle()
    assert.deepEqual(confirmed, [])
    assert.equal(publisher.unconfirmed(), 5)
    await world.bind(queue, queue)
    await publisher.idle()
    assert.deepEqual(confirmed, bodies(5))
    await Promise.all([publisher.close(), fence.close()])
    assert.deepEqual(firsts(await take(queue)), bodies(5))
  })

  test('what a cut leaves unconfirmed is published again, in order, and confirmed once', async (t) => {
    const { broker, queue, cut, take } = await open(t)
    const publisher = broker.publisher({ window: 50, windowBytes, topology: topology(queue) })
    const confirmed: string[] = []
    for (const [index, body] of bodies(400).entries()) {
      if (!publisher.hasRoom()) await publisher.room()
      publisher.publish(message(queue, body), () => confirmed.push(body))
      if (index === 100 || index === 250) await cut()
    }
    await publisher.idle()
    await publisher.close()
    assert.deepEqual(confirmed, bodies(400))
    const stored = await take(queue)
    assert.deepEqual(firsts(stored), bodies(400))
    assert.ok(stored.length <= 400 + 2 * 50, `${stored.length - 400} copies, at most two windows`)
  })

  test('it tells that its queue stands, as often as it is asked, and mends a missing binding within a second', async (t) => {
    const { broker, queue, unbind, ready } = await open(t)
    const publisher = broker.publisher({ window: 10, windowBytes, topology: topology(queue) })
    await Promise.all([publisher.standing(), publisher.standing(), publisher.standing()])
    await unbind(queue, queue)
    await t.waitFor(
      async () => {
        await publisher.standing()
        publisher.publish(message(queue, 'one'), () => {})
        await publisher.idle()
        assert.ok((await ready(queue)) > 0)
      },
      { interval: 100, timeout: 10_000 },
    )
    await publisher.close()
  })

  test('what is confirmed once the queue is deleted is in its history alone, and it tells that the queue is gone', async (t) => {
    const { broker, queue, remove, history } = await open(t)
    const publisher = broker.publisher({ window: 10, windowBytes, topology: topology(queue) })
    await publisher.standing()
    await remove(queue)
    publisher.publish(message(queue, 'one'), () => {})
    await publisher.idle()
    assert.deepEqual(await history(queue, 1), ['one'])
    await assert.rejects(publisher.standing(), queueGone)
    await assert.rejects(publisher.standing(), queueGone)
    await publisher.close()
  })

  test('a lost session that makes the queue anew does not hide that it was gone', async (t) => {
    const { broker, queue, remove, cut, ready } = await open(t)
    const publisher = broker.publisher({ window: 10, windowBytes, topology: topology(queue) })
    await publisher.standing()
    await cut()
    await publisher.standing()
    await remove(queue)
    await cut()
    await assert.rejects(publisher.standing(), queueGone)
    assert.equal(await ready(queue), 0)
    await publisher.close()
  })

  test('a message to the exchange goes to the queue and to its history', async (t) => {
    const { broker, queue, history, take } = await open(t)
    const publisher = broker.publisher({ window: 10, windowBytes, topology: topology(queue) })
    for (const body of bodies(3)) publisher.publish(message(queue, body), () => {})
    await publisher.idle()
    assert.deepEqual(await take(queue), bodies(3))
    assert.deepEqual(await history(queue, 3), bodies(3))
    await publisher.close()
  })

  test('a topology with other arguments fails the publisher, and whoever waits for it', async (t) => {
    const { broker, queue, occupy } = await open(t)
    await occupy(queue)
    const publisher = broker.publisher({ window: 1, windowBytes, topology: topology(queue) })
    publisher.publish(message(queue, 'one'), () => assert.fail('confirmed'))
    const mismatch = (error: FnError) => error.code === 'FN_TOPOLOGY_MISMATCH'
    await Promise.all([
      assert.rejects(publisher.room(), mismatch),
      assert.rejects(publisher.idle(), mismatch),
      assert.rejects(publisher.standing(), mismatch),
      assert.rejects(publisher.failed, mismatch),
    ])
    await assert.rejects(publisher.room(), mismatch)
    await publisher.close()
  })

  test('close gives up what is unconfirmed, does not reject and takes no longer than a second', async (t) => {
    const { broker, queue } = await open(t)
    const publisher = broker.publisher({ window: 10, windowBytes, topology: topology(queue).slice(0, -2) })
    await publisher.ready
    publisher.publish(message(queue, 'nowhere'), () => assert.fail('confirmed'))
    const begun = performance.now()
    await Promise.all([publisher.close(), publisher.close()])
    assert.ok(performance.now() - begun < 950)
    await broker.publisher({ window: 10, windowBytes, topology: topology(queue) }).close()
  })
}
