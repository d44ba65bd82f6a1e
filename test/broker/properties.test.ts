import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { topologyOf } from '../../runtime/core/topology.ts'
import { eventually, Inbox } from '../contract/broker-world.ts'
import { adapter, vhostFor } from './world.ts'

const vhost = await vhostFor('broker-properties')
const windowBytes = 2 ** 20
/** The same ones each time: what fails once fails again. */
const seed = 4

const name = fc.stringMatching(/^[A-Za-z0-9._-]{1,60}$/).map((text) => `x${text}`)
const text = fc.string({ unit: 'binary', maxLength: 50 })
const value = fc.oneof(
  text,
  fc.integer(),
  fc.maxSafeInteger(),
  fc.boolean(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
)

test('whatever bytes and headers a message has, it arrives with them', { timeout: 60_000 }, async (t) => {
  const { broker } = adapter(vhost.url)
  const topology = topologyOf('any', 'any')
  const inbox = new Inbox()
  const consumer = broker.consumer({ queue: 'any', prefetch: 1000, topology })
  consumer.start(inbox)
  await eventually(t, () => assert.equal(inbox.readies, 1))
  const publisher = broker.publisher({ window: 100, windowBytes, topology })
  const messages = fc.sample(
    fc.record({
      body: fc.uint8Array({ maxLength: 300 }),
      headers: fc.dictionary(name, value, { maxKeys: 5, noNullPrototype: true }),
    }),
    { seed, numRuns: 300 },
  )
  for (const [index, { body, headers }] of messages.entries()) {
    await publisher.room()
    publisher.publish({ exchange: 'any', routingKey: '', messageId: `${index}`, body, headers }, () => {})
  }
  await publisher.idle()
  await eventually(t, () => assert.equal(inbox.deliveries.length, messages.length))
  for (const [index, { body, headers }] of messages.entries()) {
    const arrived = inbox.at(index)
    assert.deepEqual(new Uint8Array(arrived.body), body)
    for (const [key, sent] of Object.entries(headers)) {
      // n.b. AMQP has no negative zero for whole numbers.
      assert.equal(arrived.headers[key], Object.is(sent, -0) ? 0 : sent, `${index} ${key}`)
    }
  }
  await Promise.all([publisher.close(), consumer.close()])
})

test('whatever a queue is called, it is declared and verified under that name', async () => {
  for (const queue of fc.sample(name, { seed, numRuns: 10 })) {
    for (const mode of ['declare', 'verify'] as const) {
      const publisher = adapter(vhost.url, { mode }).broker.publisher({
        window: 1,
        windowBytes,
        topology: topologyOf(queue, queue),
      })
      await Promise.race([publisher.ready, publisher.failed])
      await publisher.close()
    }
  }
})

const printable = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 })

test('whatever user, password and vhost are, they log in raw and encoded', { timeout: 60_000 }, async () => {
  for (const [index, [one, password, inside]] of fc
    .sample(fc.tuple(printable, printable, printable), { seed, numRuns: 12 })
    .entries()) {
    const user = `${one}-${index}-${vhost.vhost}`
    const place = `${inside}-${index}-${vhost.vhost}`
    const [u, p, v] = [user, password, place].map(encodeURIComponent)
    await vhost.api('PUT', `vhosts/${v}`, {})
    try {
      await vhost.api('PUT', `users/${u}`, { password, tags: '' })
      await vhost.api('PUT', `permissions/${v}/${u}`, { configure: '.*', write: '.*', read: '.*' })
      const { host } = new URL(vhost.url)
      for (const [address, env] of [
        [`amqp://${u}:${p}@${host}/${v}`, {}],
        [`amqp://${host}`, { AMQP_USERNAME: user, AMQP_PASSWORD: password, AMQP_VHOST: place }],
      ] as const) {
        const { broker, entries } = adapter(address, { env })
        const publisher = broker.publisher({ window: 1, windowBytes, topology: [] })
        await Promise.race([publisher.ready, publisher.failed])
        await publisher.close()
        if (password.length > 8) assert.ok(!JSON.stringify(entries).includes(password))
      }
    } finally {
      await vhost.api('DELETE', `users/${u}`)
      await vhost.api('DELETE', `vhosts/${v}`)
    }
  }
})
