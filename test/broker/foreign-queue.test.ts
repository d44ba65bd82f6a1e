import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { FnError } from '../../runtime/core/errors.ts'
import { topologyOf } from '../../runtime/core/topology.ts'
import { eventually, Inbox } from '../contract/broker-world.ts'
import { adapter, vhostFor } from './world.ts'

const vhost = await vhostFor('broker-foreign-queue')
const user = encodeURIComponent(`foreign-${vhost.vhost}`)
after(() => vhost.api('DELETE', `users/${user}`))

/** The address of a user who may consume the queue and move its messages, and may configure nothing. */
async function consumerOf(queue: string): Promise<string> {
  const grants = { configure: '^$', write: '^amq\\.default$', read: `^${queue}$` }
  await vhost.api('PUT', `users/${user}`, { password: 'secret', tags: '' })
  await vhost.api('PUT', `permissions/${encodeURIComponent(vhost.vhost)}/${user}`, grants)
  const url = new URL(vhost.url)
  url.username = user
  url.password = 'secret'
  return url.href
}

for (const type of ['classic', 'quorum']) {
  test(`a bare ${type} queue is refused in both modes, and consumed by a user who may not configure it`, async (t) => {
    const queue = `foreign-${type}`
    const topology = topologyOf(queue, queue, [100])
    await vhost.ask(async (channel) => {
      await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': type } })
      for (const declaration of topology) {
        if (declaration.kind === 'exchange') await channel.assertExchange(declaration.name, declaration.type)
        else if (declaration.kind === 'binding') await channel.bindQueue(declaration.queue, declaration.exchange, '')
        else if (declaration.name !== queue) {
          await channel.assertQueue(declaration.name, { arguments: { ...declaration.arguments } })
        }
      }
      channel.sendToQueue(queue, Buffer.from('of an old publisher'))
    })
    for (const mode of ['declare', 'verify'] as const) {
      const refused = adapter(vhost.url, { mode }).broker.consumer({ queue, prefetch: 1, topology })
      refused.start(new Inbox())
      await assert.rejects(refused.failed, (error: FnError) => {
        assert.equal(error.code, 'FN_TOPOLOGY_MISMATCH')
        return true
      })
      await refused.close()
    }
    const { broker, entries } = adapter(await consumerOf(queue), { mode: 'verify' })
    const inbox = new Inbox()
    const consumer = broker.consumer({ queue, prefetch: 1, topology })
    consumer.start(inbox)
    const arrived = eventually(t, () => assert.deepEqual(inbox.bodies, ['of an old publisher']))
    await Promise.race([consumer.failed, arrived])
    const unchecked = entries.find(({ fields }) => fields?.unchecked)?.fields?.unchecked as string[]
    assert.ok(unchecked.includes(`arguments of queue '${queue}'`), `${unchecked}`)
    await consumer.close()
  })
}

test('a consumer of another kind shares our queue if it declares nothing; what it rejects is in the dead letters', async (t) => {
  const queue = 'shared'
  const publisher = adapter(vhost.url).broker.publisher({
    window: 1,
    windowBytes: 2 ** 20,
    topology: topologyOf(queue, queue),
  })
  await publisher.ready
  await publisher.close()
  await assert.rejects(
    vhost.ask((channel) => channel.assertQueue(queue, { durable: true })),
    { code: 406 },
  )
  await vhost.ask(async (channel) => {
    await channel.checkQueue(queue)
    channel.publish(queue, '', Buffer.from('body'), { headers: { 'x-retries': 2 } })
    await eventually(t, async () => {
      const message = await channel.get(queue)
      assert.ok(message)
      channel.nack(message, false, false)
    })
    await eventually(t, async () => assert.equal((await channel.checkQueue(`${queue}.dead`)).messageCount, 1))
    const dead = await channel.get(`${queue}.dead`, { noAck: true })
    assert.ok(dead)
    assert.equal(dead.properties.headers?.['x-retries'], 2)
    assert.equal(dead.properties.headers?.['x-first-death-reason'], 'rejected')
    assert.equal(dead.properties.headers?.['kedafn-cause'], undefined)
  })
})
