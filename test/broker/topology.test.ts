import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { FnError } from '../../runtime/core/errors.ts'
import { producerTopologyOf, topologyOf } from '../../runtime/core/topology.ts'
import { eventually, Inbox, message } from '../contract/broker-world.ts'
import { adapter, vhostFor } from './world.ts'

const vhost = await vhostFor('broker-topology')
const base = encodeURIComponent(vhost.vhost)
const windowBytes = 2 ** 20

interface QueueInfo {
  readonly name: string
  readonly durable: boolean
  readonly type: string
  readonly arguments: Record<string, unknown>
}

/** What does not change by itself: the counts come and go with the broker's statistics. */
const queues = async (): Promise<QueueInfo[]> => {
  const listed = (await vhost.api('GET', `queues/${base}`)) as QueueInfo[]
  return listed
    .map(({ name, durable, type, arguments: args }) => ({ name, durable, type, arguments: args }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

test('declares exchange, queues and bindings as the topology says, and twice is as good as once', async () => {
  const topology = topologyOf('logs', 'events', [100, 200])
  for (let turn = 0; turn < 2; turn++) {
    const publisher = adapter(vhost.url).broker.publisher({ window: 1, windowBytes, topology })
    await publisher.ready
    await publisher.close()
  }
  const declared = topology.filter((declaration) => declaration.kind === 'queue')
  assert.deepEqual(
    (await queues()).map(({ name, arguments: args, durable }) => ({ name, arguments: args, durable })),
    declared
      .map(({ name, arguments: args }) => ({ name, arguments: args, durable: true }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  )
  const exchange = (await vhost.api('GET', `exchanges/${base}/events`)) as { type: string; durable: boolean }
  assert.deepEqual([exchange.type, exchange.durable], ['fanout', true])
  const bindings = (await vhost.api('GET', `exchanges/${base}/events/bindings/source`)) as { destination: string }[]
  assert.deepEqual(bindings.map(({ destination }) => destination).sort(), ['events.history', 'logs'])
})

test('an exchange of another type is a mismatch that names it', async () => {
  await vhost.ask((channel) => channel.assertExchange('other-type', 'topic'))
  const topology = topologyOf('other-type', 'other-type', [])
  const consumer = adapter(vhost.url).broker.consumer({ queue: 'other-type', prefetch: 1, topology })
  consumer.start(new Inbox())
  await assert.rejects(consumer.failed, (error: FnError) => {
    assert.equal(error.code, 'FN_TOPOLOGY_MISMATCH')
    assert.match(error.message, /exchange 'other-type': type is topic, expected fanout\. Let the queue/)
    return true
  })
  await consumer.close()
})

test('verify names all that is missing, and makes nothing', async () => {
  const before = await queues()
  const topology = topologyOf('absent', 'absent', [100])
  const publisher = adapter(vhost.url, { mode: 'verify' }).broker.publisher({ window: 1, windowBytes, topology })
  await assert.rejects(publisher.failed, (error: FnError) => {
    assert.equal(error.code, 'FN_TOPOLOGY_MISSING')
    const names = ["exchange 'absent'", "queue 'absent.dead'", "queue 'absent'", "queue 'absent.retry.100'"]
    for (const name of [...names, "queue 'absent.history'", 'KEDAFN_TOPOLOGY=declare']) {
      assert.ok(error.message.includes(name), `${name} is not in: ${error.message}`)
    }
    return true
  })
  await publisher.close()
  assert.deepEqual(await queues(), before)
})

test('verify is content with what stands, and names a single queue that does not', async (t) => {
  const topology = topologyOf('standing', 'standing', [100])
  const declaring = adapter(vhost.url).broker.publisher({ window: 1, windowBytes, topology })
  await declaring.ready
  await declaring.close()
  const { broker } = adapter(vhost.url, { mode: 'verify' })
  const publisher = broker.publisher({ window: 1, windowBytes, topology })
  publisher.publish(message('standing', 'body'), () => {})
  await publisher.idle()
  const inbox = new Inbox()
  const consumer = broker.consumer({ queue: 'standing', prefetch: 1, topology })
  consumer.start(inbox)
  await eventually(t, () => assert.deepEqual(inbox.bodies, ['body']))
  await vhost.ask((channel) => channel.deleteQueue('standing.retry.100'))
  const other = broker.consumer({ queue: 'standing', prefetch: 1, topology })
  other.start(new Inbox())
  await assert.rejects(other.failed, /does not exist: queue 'standing.retry.100'\. /)
  await Promise.all([publisher.close(), consumer.close(), other.close()])
})

test('a queue that is deleted under its consumer is declared and consumed again', async (t) => {
  const { broker, instruments } = adapter(vhost.url)
  const topology = topologyOf('deleted', 'deleted', [])
  const inbox = new Inbox()
  const consumer = broker.consumer({ queue: 'deleted', prefetch: 10, topology })
  consumer.start(inbox)
  const publisher = broker.publisher({ window: 10, windowBytes, topology })
  publisher.publish(message('deleted', 'before'), () => {})
  await publisher.idle()
  await eventually(t, () => assert.deepEqual(inbox.bodies, ['before']))
  const { source } = inbox.at(0)
  await vhost.ask((channel) => channel.deleteQueue('deleted'))
  await eventually(t, () => assert.deepEqual([inbox.lostSources.length, inbox.readies], [1, 2]))
  source.ack(1, false)
  publisher.publish(message('deleted', 'after'), () => {})
  await publisher.idle()
  await eventually(t, () => assert.deepEqual(inbox.bodies, ['before', 'after']))
  assert.equal(instruments.counters.reconnects, 1)
  await Promise.all([publisher.close(), consumer.close()])
})

test('an exchange that is deleted under its publisher is declared again, and what was sent meanwhile arrives', async () => {
  const { broker } = adapter(vhost.url)
  const topology = topologyOf('vanishing', 'vanishing', [])
  const publisher = broker.publisher({ window: 10, windowBytes, topology })
  await publisher.ready
  await vhost.ask((channel) => channel.deleteExchange('vanishing'))
  const confirmed: number[] = []
  for (let index = 0; index < 3; index++) {
    publisher.publish(message('vanishing', `${index}`), () => confirmed.push(index))
  }
  await publisher.idle()
  assert.deepEqual(confirmed, [0, 1, 2])
  assert.deepEqual((await vhost.take('vanishing')).map(String), ['0', '1', '2'])
  await publisher.close()
})

test('in verify mode a deleted queue ends the consumer with the name of what is missing', async (t) => {
  const topology = topologyOf('gone', 'gone', [])
  const declaring = adapter(vhost.url).broker.publisher({ window: 1, windowBytes, topology })
  await declaring.ready
  await declaring.close()
  const inbox = new Inbox()
  const consumer = adapter(vhost.url, { mode: 'verify' }).broker.consumer({ queue: 'gone', prefetch: 1, topology })
  consumer.start(inbox)
  await eventually(t, () => assert.equal(inbox.readies, 1))
  await vhost.ask((channel) => channel.deleteQueue('gone'))
  await assert.rejects(consumer.failed, /FN_TOPOLOGY_MISSING|does not exist: queue 'gone'/)
  await consumer.close()
})

test('every difference is named at once, with what is expected and what is found, and nothing is made', async () => {
  const topology = topologyOf('odd', 'odd', [100])
  await vhost.ask(async (channel) => {
    await channel.assertExchange('odd', 'direct', { durable: true })
    for (const declaration of topology) {
      if (declaration.kind !== 'queue' || declaration.name === 'odd.dead') continue
      const args = Object.entries(declaration.arguments).map(([name, value]) => {
        if (name === 'x-queue-type') return [name, value]
        if (typeof value === 'number') return [name, value + 1]
        return [
          name,
          { 'at-least-once': 'at-most-once', 'reject-publish': 'drop-head', '7D': '6D' }[`${value}`] ?? 'else',
        ]
      })
      await channel.assertQueue(declaration.name, { durable: true, arguments: Object.fromEntries(args) })
    }
  })
  const before = await queues()
  const expected = topology.flatMap((declaration) => {
    if (declaration.kind === 'exchange') return ["exchange 'odd': type is direct, expected fanout"]
    if (declaration.kind === 'binding' || declaration.name === 'odd.dead') return []
    return Object.entries(declaration.arguments)
      .filter(([name]) => name !== 'x-queue-type')
      .map(([name, value]) => ({ start: `queue '${declaration.name}': ${name} is `, end: `, expected ${value}` }))
      .map(({ start, end }) => `${start}|${end}`)
  })
  const said = (error: FnError) => {
    for (const each of expected) {
      const [start = '', end = ''] = each.split('|')
      assert.ok(error.message.includes(start) && error.message.includes(end), `${each} is not in: ${error.message}`)
    }
    return true
  }
  const { broker, entries } = adapter(vhost.url, { mode: 'verify' })
  const verifying = broker.publisher({ window: 1, windowBytes, topology })
  await assert.rejects(verifying.failed, (error: FnError) => {
    assert.equal(error.code, 'FN_TOPOLOGY_MISSING')
    assert.match(error.message, /does not exist: queue 'odd\.dead'\. Besides, /)
    return said(error)
  })
  await verifying.close()
  assert.deepEqual(await queues(), before)
  const unchecked = ["binding of 'odd.history' to 'odd'", "binding of 'odd' to 'odd'"]
  assert.deepEqual(entries.find(({ fields }) => fields?.unchecked)?.fields?.unchecked, unchecked)
  const declaring = adapter(vhost.url).broker.publisher({ window: 1, windowBytes, topology })
  await assert.rejects(declaring.failed, (error: FnError) => {
    assert.equal(error.code, 'FN_TOPOLOGY_MISMATCH')
    return said(error)
  })
  await declaring.close()
})

/** What becomes of a consumer with `order`, and of a producer of its queue, if they declare it in this order. */
async function startBoth(t: TestContext, queue: string, first: 'consumer' | 'producer', told: boolean) {
  const { broker } = adapter(vhost.url)
  const inbox = new Inbox()
  const consumer = () => {
    const made = broker.consumer({ queue, prefetch: 1, topology: topologyOf(queue, queue, [], true) })
    made.start(inbox)
    return made
  }
  const producer = () => broker.publisher({ window: 1, windowBytes, topology: producerTopologyOf(queue, queue, told) })
  if (first === 'consumer') {
    const consuming = consumer()
    await eventually(t, () => assert.equal(inbox.readies, 1))
    return { consuming, publisher: producer(), inbox }
  }
  const publisher = producer()
  await Promise.race([publisher.ready, publisher.failed])
  return { consuming: consumer(), publisher, inbox }
}

for (const [first, told] of [
  ['consumer', true],
  ['consumer', false],
  ['producer', true],
] as const) {
  test(`a producer that is ${told ? '' : 'not '}told of the order, and an ordered consumer, ${first} first`, async (t) => {
    const queue = `ordered-${first}-${told}`
    const { consuming, publisher, inbox } = await startBoth(t, queue, first, told)
    publisher.publish(message(queue, 'body'), () => {})
    await publisher.idle()
    await eventually(t, () => assert.deepEqual(inbox.bodies, ['body']))
    const made = (await queues()).find(({ name }) => name === queue)
    assert.equal(made?.arguments['x-single-active-consumer'], true)
    await Promise.all([publisher.close(), consuming.close()])
  })
}

test('a producer that is not told of the order makes a queue that an ordered consumer refuses by name', async (t) => {
  const { consuming, publisher } = await startBoth(t, 'unordered', 'producer', false)
  const expected = /queue 'unordered': x-single-active-consumer is none, expected true/
  await assert.rejects(consuming.failed, expected)
  await Promise.all([publisher.close(), consuming.close()])
})

test('what a producer does not tolerate is named though the order differs too', async () => {
  const topology = producerTopologyOf('bare', 'bare', false)
  const args = { 'x-queue-type': 'quorum', 'x-single-active-consumer': true }
  await vhost.ask((channel) => channel.assertQueue('bare', { durable: true, arguments: args }))
  const publisher = adapter(vhost.url).broker.publisher({ window: 1, windowBytes, topology })
  await assert.rejects(publisher.failed, (error: FnError) => {
    assert.equal(error.code, 'FN_TOPOLOGY_MISMATCH')
    assert.match(error.message, /x-delivery-limit is none, expected 1000/)
    assert.doesNotMatch(error.message, /x-single-active-consumer/)
    return true
  })
  await publisher.close()
})

test('a producer that verifies takes an ordered queue too', async () => {
  const { broker } = adapter(vhost.url)
  const declaring = broker.publisher({ window: 1, windowBytes, topology: topologyOf('kept', 'kept', [], true) })
  await declaring.ready
  await declaring.close()
  const topology = producerTopologyOf('kept', 'kept', false)
  const publisher = adapter(vhost.url, { mode: 'verify' }).broker.publisher({ window: 1, windowBytes, topology })
  await Promise.race([publisher.ready, publisher.failed])
  await publisher.close()
})
