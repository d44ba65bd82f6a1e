import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { FnError } from '../../runtime/core/errors.ts'
import { retryQueueOf } from '../../runtime/core/topology.ts'
import type { Consumer } from '../../runtime/ports.ts'
import {
  type BrokerWorld,
  bodies,
  eventually,
  fill,
  Inbox,
  message,
  type OpenWorld,
  retryMs,
  topology,
} from './broker-world.ts'

function consume({ broker, queue }: BrokerWorld, prefetch: number): { consumer: Consumer; inbox: Inbox } {
  const inbox = new Inbox()
  const consumer = broker.consumer({ queue, prefetch, topology: topology(queue) })
  consumer.start(inbox)
  return { consumer, inbox }
}

const came = (t: TestContext, inbox: Inbox, count: number): Promise<void> =>
  eventually(t, () => assert.equal(inbox.deliveries.length, count))

/** What every adapter of the port Consumer keeps. */
export function consumerContract(open: OpenWorld): void {
  test('deliveries come in the order of the queue, with tags from 1', async (t) => {
    const world = await open(t)
    await fill(world, bodies(50))
    const { consumer, inbox } = consume(world, 100)
    await came(t, inbox, 50)
    assert.deepEqual(inbox.bodies, bodies(50))
    assert.deepEqual(
      inbox.deliveries.map(({ tag }) => tag),
      bodies(50).map((_, index) => index + 1),
    )
    assert.ok(inbox.deliveries.every(({ redelivered }) => !redelivered))
    assert.equal(new Set(inbox.deliveries.map(({ source }) => source)).size, 1)
    assert.equal(inbox.readies, 1)
    await consumer.close()
  })

  test('no more than the prefetch is unacked', async (t) => {
    const world = await open(t)
    await fill(world, bodies(10))
    const { consumer, inbox } = consume(world, 3)
    await came(t, inbox, 3)
    await eventually(t, async () => assert.equal(await world.ready(world.queue), 7))
    assert.equal(inbox.deliveries.length, 3)
    inbox.at(0).source.ack(1, false)
    await came(t, inbox, 4)
    await eventually(t, async () => assert.equal(await world.ready(world.queue), 6))
    assert.equal(inbox.deliveries.length, 4)
    await consumer.close()
  })

  test('an ack with multiple settles everything before it, and leaves at once before a close', async (t) => {
    const world = await open(t)
    await fill(world, bodies(10))
    const { consumer, inbox } = consume(world, 100)
    await came(t, inbox, 10)
    const { source } = inbox.at(0)
    source.ack(2, false)
    source.ack(7, true)
    await consumer.close()
    await eventually(t, async () => assert.equal(await world.ready(world.queue), 3))
    assert.deepEqual(await world.take(world.queue), bodies(10).slice(7))
  })

  test('what was acked piece by piece right before a close does not come again', async (t) => {
    const world = await open(t)
    const count = 300
    for (let round = 0; round < 3; round++) {
      await fill(world, bodies(count))
      const { consumer, inbox } = consume(world, count)
      await came(t, inbox, count)
      await consumer.cancel()
      for (const { source, tag } of inbox.deliveries) {
        source.ack(tag, true)
        await new Promise(setImmediate)
      }
      await consumer.close()
      // What the broker had forgotten would be ready at once.
      const again = consume(world, count)
      await eventually(t, () => assert.equal(again.inbox.readies, 1))
      assert.equal(await world.ready(world.queue), 0)
      assert.deepEqual(again.inbox.bodies, [])
      await again.consumer.close()
    }
  })

  test('what is handed back comes again, marked as redelivered', async (t) => {
    const world = await open(t)
    await fill(world, bodies(4))
    const { consumer, inbox } = consume(world, 4)
    await came(t, inbox, 4)
    const { source } = inbox.at(0)
    source.handBack(2, false)
    await came(t, inbox, 5)
    assert.deepEqual(inbox.bodies.at(-1), bodies(4)[1])
    assert.equal(inbox.at(-1).redelivered, true)
    source.ack(5, true)
    await consumer.close()
    assert.equal(await world.ready(world.queue), 0)
  })

  test('what is handed back after a cancel stands in front, in order, and does not come again', async (t) => {
    const world = await open(t)
    await fill(world, bodies(10))
    const { consumer, inbox } = consume(world, 6)
    await came(t, inbox, 6)
    const cancelled = consumer.cancel()
    for (const { tag, source } of inbox.deliveries) source.handBack(tag, false)
    await cancelled
    await eventually(t, async () => assert.equal(await world.ready(world.queue), 10))
    assert.equal(inbox.deliveries.length, 6)
    assert.deepEqual(await world.take(world.queue), bodies(10))
    await consumer.close()
  })

  test('after a cut the source is lost and its messages come again on another', async (t) => {
    const world = await open(t)
    await fill(world, bodies(5))
    const { consumer, inbox } = consume(world, 100)
    await came(t, inbox, 5)
    const { source: old } = inbox.at(0)
    await world.cut()
    await eventually(t, () => assert.deepEqual(inbox.lostSources, [old]))
    assert.equal(old.alive, false)
    old.ack(5, true)
    old.handBack(4, false)
    await came(t, inbox, 10)
    assert.deepEqual(inbox.bodies.slice(5), bodies(5))
    const { source, redelivered } = inbox.at(-1)
    assert.notEqual(source, old)
    assert.equal(redelivered, true)
    await eventually(t, () => assert.equal(inbox.readies, 2))
    old.ack(1, true)
    source.ack(inbox.at(-1).tag, true)
    await fill(world, ['after'])
    await eventually(t, () => assert.equal(inbox.bodies.at(-1), 'after'))
    await consumer.close()
  })

  test('after a cancel nothing comes, and what came can be acked', async (t) => {
    const world = await open(t)
    await fill(world, bodies(3))
    const { consumer, inbox } = consume(world, 2)
    await came(t, inbox, 2)
    await consumer.cancel()
    inbox.at(0).source.ack(2, true)
    await fill(world, ['more'])
    await eventually(t, async () => assert.equal(await world.ready(world.queue), 2))
    assert.equal(inbox.deliveries.length, 2)
    assert.deepEqual(inbox.lostSources, [])
    await consumer.close()
    assert.deepEqual(await world.take(world.queue), ['0002', 'more'])
  })

  test('a cancel while the session begins leaves every message in the queue', async (t) => {
    const world = await open(t)
    await fill(world, bodies(3))
    const { consumer, inbox } = consume(world, 10)
    await consumer.cancel()
    const { length } = inbox.deliveries
    await consumer.close()
    assert.equal(inbox.deliveries.length, length)
    await eventually(t, async () => assert.equal(await world.ready(world.queue), 3))
  })

  test('close returns what is unacked to the queue, and takes no longer than a second', async (t) => {
    const world = await open(t)
    await fill(world, bodies(3))
    const { consumer, inbox } = consume(world, 10)
    await came(t, inbox, 3)
    const begun = performance.now()
    await Promise.all([consumer.close(), consumer.close()])
    assert.ok(performance.now() - begun < 950)
    inbox.at(0).source.ack(3, true)
    await eventually(t, async () => assert.equal(await world.ready(world.queue), 3))
    assert.deepEqual(await world.take(world.queue), bodies(3))
  })

  test('a session that probes takes messages one at a time, until one comes that needs no care', async (t) => {
    const world = await open(t)
    const { broker, queue } = world
    const publisher = broker.publisher({ window: 10, windowBytes: 1000, topology: topology(queue) })
    for (const [index, body] of bodies(6).entries()) {
      publisher.publish(message(queue, body, { headers: { care: index < 2 } }), () => {})
    }
    await publisher.idle()
    const inbox = new Inbox()
    const consumer = broker.consumer({
      queue,
      prefetch: 3,
      topology: topology(queue),
      probe: ({ care }) => care === true,
    })
    consumer.start(inbox)
    for (const settled of [0, 1]) {
      await came(t, inbox, settled + 1)
      await eventually(t, async () => assert.equal(await world.ready(queue), 5 - settled))
      assert.equal(inbox.deliveries.length, settled + 1)
      inbox.at(settled).source.ack(settled + 1, false)
    }
    // The third needs no care: it and all behind it come, as many as the prefetch allows.
    await eventually(t, () => assert.ok(inbox.deliveries.length >= 5))
    assert.deepEqual(
      inbox.deliveries.map(({ tag }) => tag),
      inbox.deliveries.map((_, index) => index + 1),
    )
    assert.deepEqual(inbox.bodies, bodies(6).slice(0, inbox.deliveries.length))
    await Promise.all([publisher.close(), consumer.close()])
  })

  test('a cancel while a session probes: nothing comes after it, and what came is acked before a close', async (t) => {
    const world = await open(t)
    await fill(world, bodies(3))
    const { broker, queue } = world
    const inbox = new Inbox()
    const consumer = broker.consumer({ queue, prefetch: 3, topology: topology(queue), probe: () => true })
    consumer.start(inbox)
    await came(t, inbox, 1)
    await consumer.cancel()
    inbox.at(0).source.ack(1, true)
    await consumer.close()
    await eventually(t, async () => assert.equal(await world.ready(queue), 2))
    assert.equal(inbox.deliveries.length, 1)
    assert.deepEqual(await world.take(queue), bodies(3).slice(1))
  })

  test('a session that probes an empty queue consumes it', async (t) => {
    const world = await open(t)
    const { broker, queue } = world
    const inbox = new Inbox()
    const consumer = broker.consumer({ queue, prefetch: 3, topology: topology(queue), probe: () => true })
    consumer.start(inbox)
    await eventually(t, () => assert.equal(inbox.readies, 1))
    await fill(world, bodies(3))
    await came(t, inbox, 3)
    await consumer.close()
  })

  test('a consumer that was never started closes at once', async (t) => {
    const { broker, queue } = await open(t)
    const consumer = broker.consumer({ queue, prefetch: 1, topology: topology(queue) })
    await consumer.cancel()
    await consumer.close()
  })

  test('a topology with other arguments fails the consumer', async (t) => {
    const world = await open(t)
    await world.occupy(world.queue)
    const { consumer, inbox } = consume(world, 1)
    await assert.rejects(consumer.failed, (error: FnError) => error.code === 'FN_TOPOLOGY_MISMATCH')
    assert.equal(inbox.readies, 0)
    await consumer.close()
  })

  test('what goes to a retry queue comes to the queue after the delay, with its headers', async (t) => {
    const world = await open(t)
    const { broker, queue } = world
    const { consumer, inbox } = consume(world, 10)
    const publisher = broker.publisher({ window: 10, windowBytes: 1000, topology: topology(queue) })
    const headers = { 'kedafn-failed-attempts': 1 }
    publisher.publish(message('', 'again', { routingKey: retryQueueOf(queue, retryMs), headers }), () => {})
    const begun = performance.now()
    await publisher.idle()
    await came(t, inbox, 1)
    const tookMs = performance.now() - begun
    assert.ok(tookMs >= retryMs - 20, `came after ${tookMs} ms`)
    assert.equal(inbox.bodies[0], 'again')
    assert.equal(inbox.at(0).headers['kedafn-failed-attempts'], 1)
    assert.ok('x-death' in inbox.at(0).headers)
    await Promise.all([publisher.close(), consumer.close()])
  })
}
