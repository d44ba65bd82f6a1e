import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAddress } from '../../runtime/core/config.ts'
import { inspector } from '../../runtime/rabbitmq/inspect.ts'
import { systemClock } from '../../runtime/system/clock.ts'
import { eventually } from '../contract/broker-world.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { vhostFor } from './world.ts'

const vhost = await vhostFor('broker-inspect')

test('the depth of a queue is what waits in it, and how many consume it', async (t) => {
  await vhost.ask((channel) => channel.assertQueue('depth', { arguments: { 'x-queue-type': 'quorum' } }))
  await using proxy = await TcpProxy.to(vhost.url)
  const asking = inspector(proxy.via(vhost.url), systemClock)
  assert.deepEqual(await asking.depth('depth'), { ready: 0, consumers: 0 })
  await vhost.ask(async (channel) => {
    for (const body of ['a', 'b', 'c']) channel.sendToQueue('depth', Buffer.from(body))
    await channel.waitForConfirms()
    await channel.prefetch(1)
    await channel.consume('depth', () => {})
    await eventually(t, async () => assert.deepEqual(await asking.depth('depth'), { ready: 2, consumers: 1 }))
  })
  assert.equal(proxy.accepted, 1)
  await asking.close()
})

test('a queue that does not exist is no error, and one that cannot be asked for is', async (t) => {
  await using proxy = await TcpProxy.to(vhost.url)
  const asking = inspector(proxy.via(vhost.url), systemClock)
  assert.equal(await asking.depth('nothing'), null)
  await proxy.shut()
  await eventually(t, () => assert.rejects(asking.depth('nothing'), /ECONNREFUSED/))
  await proxy.open()
  assert.equal(await asking.depth('nothing'), null)
  await asking.close()
})

test('of several addresses it takes one that answers, and reads anew what may have changed', async () => {
  await using proxy = await TcpProxy.to(vhost.url)
  const address = parseAddress(proxy.via(vhost.url))
  let password = 'an old one'
  const asking = inspector(() => {
    const addresses = [
      { ...address, port: 1 },
      { ...address, password },
    ]
    return { addresses, tls: { ca: null, cert: null, key: null, passphrase: null, serverName: null } }
  }, systemClock)
  await assert.rejects(asking.depth('nothing'), /ACCESS_REFUSED|403/)
  password = address.password
  assert.equal(await asking.depth('nothing'), null)
  await asking.close()
})

test('questions asked at once share a connection', async () => {
  await using proxy = await TcpProxy.to(vhost.url)
  const asking = inspector(proxy.via(vhost.url), systemClock)
  assert.deepEqual(await Promise.all(['a', 'b', 'c'].map((queue) => asking.depth(queue))), [null, null, null])
  assert.equal(proxy.accepted, 1)
  await asking.close()
})

test('close ends the connection, also before it stands, and one that never came', async (t) => {
  await using proxy = await TcpProxy.to(vhost.url)
  await inspector(proxy.via(vhost.url), systemClock).close()
  const asking = inspector(proxy.via(vhost.url), systemClock)
  const asked = asking.depth('a').catch(() => null)
  await asking.close()
  await asked
  await eventually(t, () => assert.equal(proxy.connections, 0))
})
