import assert from 'node:assert/strict'
import { test } from 'node:test'
import { topologyOf } from '../../runtime/core/topology.ts'
import { eventually, firsts, Inbox, message } from '../contract/broker-world.ts'
import { adapter, vhostFor } from './world.ts'

const vhost = await vhostFor('broker-changes')
const windowBytes = 2 ** 20

test('a policy that makes the queue refuse messages is waited out, visibly: once it is gone all is confirmed, in order', async (t) => {
  const queue = vhost.name(t)
  const { broker, entries } = adapter(vhost.url)
  const publisher = broker.publisher({ window: 100, windowBytes, topology: topologyOf(queue, queue, []) })
  publisher.publish(message(queue, 'first'), () => {})
  await publisher.idle()
  const policy = `policies/${encodeURIComponent(vhost.vhost)}/tight`
  const definition = { 'max-length': 1, overflow: 'reject-publish' }
  await vhost.api('PUT', policy, { pattern: `^${queue.replace('.', '\\.')}$`, definition, 'apply-to': 'queues' })
  const confirmed: string[] = []
  const sent: string[] = []
  const refusals = () => entries.filter(({ fields }) => /nack/.test(String(fields.cause)))
  // n.b. a policy takes a moment to reach its queue, and the queue one more to find itself full.
  await eventually(t, () => {
    const body = `message ${sent.length}`
    sent.push(body)
    publisher.publish(message(queue, body), () => confirmed.push(body))
    assert.ok(refusals().length >= 3)
  })
  assert.ok(publisher.unconfirmed() > 0)
  await vhost.api('DELETE', policy)
  const begun = performance.now()
  await publisher.idle()
  assert.ok(performance.now() - begun < 2000)
  assert.deepEqual(confirmed, sent)
  await publisher.close()
  assert.deepEqual(new Set((await vhost.take(queue)).map(String)), new Set(['first', ...sent]))
})

test('a queue that is deleted under its consumer is made again and consumed, within two seconds', async (t) => {
  const queue = vhost.name(t)
  const { broker, entries } = adapter(vhost.url)
  const topology = topologyOf(queue, queue, [])
  const publisher = broker.publisher({ window: 1, windowBytes, topology })
  const inbox = new Inbox()
  const consumer = broker.consumer({ queue, prefetch: 1, topology })
  consumer.start(inbox)
  await eventually(t, () => assert.equal(inbox.readies, 1))
  const begun = performance.now()
  await vhost.ask((channel) => channel.deleteQueue(queue))
  await eventually(t, () => assert.equal(inbox.readies, 2))
  assert.ok(performance.now() - begun < 2000)
  assert.match(String(entries.find(({ level }) => level === 'warn')?.fields.cause), /cancelled the consumer/)
  publisher.publish(message(queue, 'after'), () => {})
  await publisher.idle()
  await eventually(t, () => assert.deepEqual(firsts(inbox.bodies), ['after']))
  await Promise.all([publisher.close(), consumer.close()])
})
