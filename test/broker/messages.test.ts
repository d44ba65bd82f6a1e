import assert from 'node:assert/strict'
import { test } from 'node:test'
import { maxBodyBytes } from '../../runtime/core/lines.ts'
import { topologyOf } from '../../runtime/core/topology.ts'
import type { RawDelivery } from '../../runtime/ports.ts'
import { eventually, Inbox, message } from '../contract/broker-world.ts'
import { adapter, vhostFor } from './world.ts'

const vhost = await vhostFor('broker-messages')
const windowBytes = 64 * 1024 * 1024

function open(queue: string) {
  const { broker, instruments, entries } = adapter(vhost.url)
  const topology = topologyOf(queue, queue, [])
  const publisher = broker.publisher({ window: 100, windowBytes, topology })
  const inbox = new Inbox()
  const consumer = broker.consumer({ queue, prefetch: 100, topology })
  const close = () => Promise.all([publisher.close(), consumer.close()])
  return { broker, publisher, consumer, inbox, close, instruments, entries }
}

test('bodies arrive byte for byte: every value, none at all, and 16 MiB', async (t) => {
  const { publisher, consumer, inbox, close } = open('bodies')
  t.after(close)
  const every = Uint8Array.from({ length: 256 }, (_, value) => value)
  const large = new Uint8Array(maxBodyBytes).map((_, index) => (index * 31) % 251)
  // A view into a larger buffer, as the lines of a chunk are.
  const sent = [every, new Uint8Array(0), large, every.subarray(100, 103)]
  for (const [index, body] of sent.entries()) {
    publisher.publish({ exchange: 'bodies', routingKey: '', body, messageId: `${index}` }, () => {})
  }
  await publisher.idle()
  consumer.start(inbox)
  await eventually(t, () => assert.equal(inbox.deliveries.length, sent.length))
  for (const [index, body] of sent.entries()) {
    assert.ok(Buffer.from(body).equals(inbox.at(index).body), `body ${index} differs`)
  }
})

test('what the broker nacks is published again until there is room, and what it took is not', async (t) => {
  const limits = { 'x-queue-type': 'classic', 'x-max-length': 1, 'x-overflow': 'reject-publish' }
  await vhost.ask(async (channel) => {
    await channel.assertExchange('full', 'fanout')
    await channel.assertQueue('full', { arguments: limits })
    await channel.bindQueue('full', 'full', '')
  })
  const { broker, instruments } = adapter(vhost.url)
  const publisher = broker.publisher({ window: 100, windowBytes, topology: [] })
  t.after(() => publisher.close())
  const confirmed: string[] = []
  const sent = ['1', '2', '3', '4', '5', '6']
  for (const body of sent) publisher.publish(message('full', body), () => confirmed.push(body))
  await eventually(t, () => assert.ok(instruments.counters.reconnects >= 2))
  assert.ok(confirmed.length < 6, 'the queue took it all')
  const taken: string[] = []
  await eventually(t, async () => {
    taken.push(...(await vhost.take('full')).map(String))
    assert.equal(publisher.unconfirmed(), 0)
  })
  taken.push(...(await vhost.take('full')).map(String))
  assert.deepEqual(confirmed, sent)
  // What stood in the same window behind a nack may have found room: the order of the queue is not promised then.
  assert.deepEqual(taken.sort(), sent)
})

test('an unroutable message is not taken for another one that has the same id', async (t) => {
  const { broker, instruments } = adapter(vhost.url)
  const publisher = broker.publisher({ window: 100, windowBytes, topology: [] })
  t.after(() => publisher.close())
  await vhost.ask((channel) => channel.assertQueue('there', { arguments: { 'x-queue-type': 'classic' } }))
  const confirmed: string[] = []
  const put = (body: string, routingKey: string) => {
    publisher.publish(message('', body, { routingKey, messageId: '' }), () => confirmed.push(body))
  }
  put('a', 'there')
  put('b', 'not-there')
  put('c', 'there')
  put('same', 'there')
  put('same', 'not-there')
  await eventually(t, () => assert.ok(instruments.counters.unroutable >= 4))
  assert.deepEqual(confirmed, ['a'])
  await vhost.ask((channel) => channel.assertQueue('not-there', { arguments: { 'x-queue-type': 'classic' } }))
  await publisher.idle()
  assert.deepEqual(confirmed, ['a', 'b', 'c', 'same', 'same'])
  assert.deepEqual((await vhost.take('there')).map(String), ['a', 'c', 'same'])
  assert.deepEqual((await vhost.take('not-there')).map(String), ['b', 'same'])
})

test('whatever headers a message came with, it can be published again', async (t) => {
  const { publisher, consumer, inbox, close, entries } = open('headers')
  t.after(close)
  await publisher.ready
  consumer.start(inbox)
  const odd = {
    fraction: 2 ** 51 + 0.5,
    huge: -1e300,
    long: 2 ** 60,
    nested: { list: [1, 'two', { deep: 0.25 }, null], bytes: Buffer.from([0, 255]) },
    at: { '!': 'timestamp', value: 1_700_000_000 },
    nothing: null,
    '': 'no name',
  }
  const named = {
    '!': 'object',
    value: Object.fromEntries(Object.entries(odd).map(([name, value]) => [name, double(value)])),
  }
  const poison = { '!': 'object', value: { '!': 'no such type' } }
  await vhost.ask(async (channel) => {
    channel.publish('headers', '', Buffer.from('odd'), { headers: { odd: named } })
    channel.publish('headers', '', Buffer.from('poison'), { headers: { poison, 'kedafn-code': 'X' } })
    channel.publish('headers', '', Buffer.from('large'), { headers: { large: 'x'.repeat(65_000) } })
    await channel.waitForConfirms()
  })
  await eventually(t, () => assert.equal(inbox.deliveries.length, 3))
  const more = (headers: RawDelivery['headers']) => ({ ...headers, 'kedafn-cause': 'c'.repeat(1024) })
  for (const { body, headers } of inbox.deliveries.slice()) {
    publisher.publish({ exchange: 'headers', routingKey: '', body, messageId: '', headers: more(headers) }, () => {})
  }
  await publisher.idle()
  await eventually(t, () => assert.equal(inbox.deliveries.length, 6))
  assert.deepEqual(inbox.bodies.slice(3), ['odd', 'poison', 'large'])
  assert.deepEqual(inbox.at(3).headers, more(inbox.at(0).headers))
  assert.deepEqual(Object.keys(inbox.at(4).headers).sort(), ['kedafn-cause', 'kedafn-code'])
  assert.deepEqual(Object.keys(inbox.at(5).headers), ['kedafn-cause'])
  const said = entries.filter(({ message: words }) => words === 'headers that cannot be sent are left out')
  assert.equal(said.length, 2)
})

/** Names doubles as such, for amqplib takes some of them for integers. */
const double = (value: unknown): unknown =>
  typeof value === 'number' && !(Number.isInteger(value) && Math.abs(value) < 2 ** 63)
    ? { '!': 'double', value }
    : value

test('a number that is not finite, over which RabbitMQ would close the connection, goes as text', async (t) => {
  const { publisher, consumer, inbox, close } = open('numbers')
  t.after(close)
  const headers = { nan: Number.NaN, deep: [Number.POSITIVE_INFINITY], small: -1e300 }
  publisher.publish(message('numbers', 'body', { headers }), () => {})
  await publisher.idle()
  consumer.start(inbox)
  await eventually(t, () => assert.equal(inbox.deliveries.length, 1))
  assert.deepEqual({ ...inbox.at(0).headers }, { nan: 'NaN', deep: ['Infinity'], small: -1e300 })
})

test('a message that cannot be sent in any form fails the publisher with a code', async () => {
  const { publisher, close } = open('unsendable')
  await publisher.ready
  publisher.publish(message('unsendable', 'body', { messageId: 'x'.repeat(300) }), () => assert.fail('confirmed'))
  await assert.rejects(publisher.failed, { code: 'FN_MESSAGE_UNSENDABLE' })
  await assert.rejects(publisher.idle(), { code: 'FN_MESSAGE_UNSENDABLE' })
  await close()
})

test('acks beyond the prefix and handed-back tags mix as the settlement sends them', async (t) => {
  const { publisher, consumer, inbox, close } = open('mixed')
  t.after(close)
  for (const body of ['a', 'b', 'c', 'd', 'e']) publisher.publish(message('mixed', body), () => {})
  await publisher.idle()
  consumer.start(inbox)
  await eventually(t, () => assert.equal(inbox.deliveries.length, 5))
  const { source } = inbox.at(0)
  await consumer.cancel()
  source.handBack(2, false)
  source.ack(3, true)
  source.handBack(5, false)
  source.ack(4, true)
  await consumer.close()
  assert.equal(source.alive, false)
  await eventually(t, async () => assert.equal(await vhost.ready('mixed'), 2))
  assert.deepEqual((await vhost.take('mixed')).map(String), ['b', 'e'])
  assert.equal(inbox.lostSources.length, 1)
})
