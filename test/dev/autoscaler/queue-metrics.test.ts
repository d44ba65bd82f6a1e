import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { connect } from 'amqplib'
import { queueMetrics } from '../../../dev/autoscaler/queue-metrics.ts'
import { inspector } from '../../../runtime/rabbitmq/inspect.ts'
import { systemClock } from '../../../runtime/system/clock.ts'
import { openVhost } from '../../support/broker.ts'
import { TcpProxy } from '../../support/tcp-proxy.ts'
import { queueTrigger } from './objects.ts'

const vhost = await openVhost('queue-metrics')
after(vhost.dispose)
const http = queueTrigger
const amqp = { ...queueTrigger, protocol: 'amqp' } as const

test('http counts what is held by a consumer, or not; amqp never', async (t) => {
  const connection = await connect(vhost.url)
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue('logs', { arguments: { 'x-queue-type': 'quorum' } })
  for (const body of ['a', 'b', 'c']) channel.sendToQueue('logs', Buffer.from(body))
  await channel.waitForConfirms()
  await channel.prefetch(1)
  await channel.consume('logs', () => {})
  const asking = inspector(vhost.url, systemClock)
  const metrics = queueMetrics({ inspector: asking, managementUrl: vhost.managementUrl, vhost: vhost.vhost })
  const value = async (trigger: typeof queueTrigger) => {
    const reading = await metrics.read(trigger)
    return reading.kind === 'value' ? reading.value : reading
  }
  const options = { interval: 100, timeout: 30_000 }
  await t.waitFor(async () => assert.equal(await value(amqp), 2), options)
  await t.waitFor(async () => assert.equal(await value(http), 3), options)
  await t.waitFor(async () => assert.equal(await value({ ...http, excludeUnacknowledged: true }), 2), options)
  await asking.close()
  await connection.close()
})

test('a queue that is missing, and a management that does not answer, are failures', async () => {
  const asking = inspector(vhost.url, systemClock)
  const { vhost: name, managementUrl } = vhost
  const metrics = queueMetrics({ inspector: asking, managementUrl, vhost: name })
  const kindOf = async (trigger: typeof queueTrigger) => (await metrics.read(trigger)).kind
  assert.equal(await kindOf({ ...http, queue: 'nothing' }), 'failed')
  assert.equal(await kindOf({ ...amqp, queue: 'nothing' }), 'failed')
  const deaf = queueMetrics({ inspector: asking, managementUrl: 'http://guest:guest@127.0.0.1:1', vhost: name })
  assert.equal((await deaf.read(http)).kind, 'failed')
  const none = queueMetrics({ inspector: asking, managementUrl: null, vhost: name })
  assert.equal((await none.read(http)).kind, 'failed')
  await asking.close()
})

test('over amqp a lost connection is one failure, and after that there is no scaler until it stands again', async (t) => {
  const connection = await connect(vhost.url)
  const channel = await connection.createChannel()
  await channel.assertQueue('lost', { arguments: { 'x-queue-type': 'quorum' } })
  await connection.close()
  await using proxy = await TcpProxy.to(vhost.url)
  const asking = inspector(proxy.via(vhost.url), systemClock)
  const metrics = queueMetrics({ inspector: asking, managementUrl: null, vhost: vhost.vhost })
  const trigger = { ...amqp, queue: 'lost' }
  assert.equal((await metrics.read(trigger)).kind, 'value')
  await proxy.shut()
  assert.equal((await metrics.read(trigger)).kind, 'failed')
  await t.waitFor(async () => assert.equal((await metrics.read(trigger)).kind, 'unbuilt'), {
    interval: 50,
    timeout: 10_000,
  })
  await proxy.open()
  assert.equal((await metrics.read(trigger)).kind, 'value')
  await asking.close()
})
