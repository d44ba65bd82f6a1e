import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { connect } from 'amqplib'
import { checkSpec } from '../../runtime/core/config.ts'
import { topologyOf } from '../../runtime/core/topology.ts'
import { message } from '../contract/broker-world.ts'
import type { AnySpec } from '../loops/consuming.ts'
import { ownBroker } from '../support/broker.ts'
import { ready } from '../support/queues.ts'
import { adapter, consumerLoop, vhostFor } from './world.ts'

/**
 * A handler that holds its delivery for two of the broker's time limits and then ends.
 * @param limit sets the limit for the queue, once it is declared
 */
async function slowHandler(t: TestContext, url: string, queue: string, limit: (queue: string) => Promise<unknown>) {
  const publisher = adapter(url).broker.publisher({
    window: 1,
    windowBytes: 1000,
    topology: topologyOf(queue, queue, [1000, 2000, 4000, 8000]),
  })
  await publisher.ready
  await limit(queue)
  const real = adapter(url)
  const { instruments, entries } = real
  const lost = () => entries.filter(({ level }) => level === 'warn')
  const consuming = Promise.withResolvers<void>()
  let handled = 0
  const spec = checkSpec('fn', {
    queue,
    handle: async () => {
      handled++
      await t.waitFor(() => assert.ok(lost().length >= 2), { interval: 20, timeout: 60_000 })
    },
  }) as AnySpec
  const loop = consumerLoop(real, spec, { onReady: () => consuming.resolve() })
  await loop.start()
  // n.b. what a session gets before it consumes has no consumer: over that every version closes the channel.
  await consuming.promise
  publisher.publish(message(queue, 'slow'), () => {})
  await publisher.idle()
  await publisher.close()
  const { counters } = instruments
  await t.waitFor(() => assert.equal(counters.repeated, 1), { interval: 20, timeout: 60_000 })
  await loop.drain()
  assert.equal(handled, 1)
  assert.equal(await ready(url, queue), 0)
  assert.equal(await ready(url, `${queue}.dead`), 0)
  return lost()[0]?.fields ?? {}
}

test('a broker that waits too short closes the channel of a slow handler (406): it is handled once, and acked when it comes again', async (t) => {
  await using broker = await ownBroker()
  // n.b. a channel takes both over as it opens.
  const limits =
    'application:set_env(rabbit, consumer_timeout, 1000), application:set_env(rabbit, channel_tick_interval, 200).'
  const { cause, advice } = await slowHandler(t, broker.url, 'slow', () => broker.ctl('eval', limits))
  assert.match(String(cause), /timed out|cancelled the consumer/)
  if (/timed out/.test(String(cause))) assert.match(String(advice), /consumer_timeout/)
})

test('a broker from 4.3 on cancels such a consumer, and that is the same', async (t) => {
  const vhost = await vhostFor('broker-consumer-timeout')
  const asked = await connect(vhost.url)
  const { version } = asked.connection.serverProperties
  await asked.close()
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (major * 100 + minor < 403) return t.skip(`${version} closes the channel, and looks only once a minute`)
  const policy = (queue: string) =>
    vhost.api('PUT', `policies/${encodeURIComponent(vhost.vhost)}/short`, {
      pattern: `^${queue}$`,
      definition: { 'consumer-timeout': 1000 },
      'apply-to': 'queues',
    })
  const { cause } = await slowHandler(t, vhost.url, 'slow', policy)
  assert.match(String(cause), /cancelled the consumer/)
})
