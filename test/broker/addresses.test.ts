import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { topologyOf } from '../../runtime/core/topology.ts'
import { message } from '../contract/broker-world.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { adapter, vhostFor } from './world.ts'

const vhost = await vhostFor('broker-addresses')
const user = `rotated-${vhost.vhost}`
after(() => vhost.api('DELETE', `users/${user}`))
const options = { window: 10, windowBytes: 1000, topology: topologyOf('logs', 'logs') }

/** Two ways to the same broker. */
async function twoWays() {
  const ways = [await TcpProxy.to(vhost.url), await TcpProxy.to(vhost.url)] as const
  return { ways, url: ways.map((way) => way.via(vhost.url)).join(',') }
}

for (const [what, strike] of [
  ['is gone', (way: TcpProxy) => way.shut()],
  ['went silent', (way: TcpProxy) => way.freeze()],
] as const) {
  test(`where the first of two brokers ${what}, a session stands on the second within 2 s`, async (t) => {
    const { ways, url } = await twoWays()
    await strike(ways[0])
    const begun = performance.now()
    const publisher = adapter(url, { random: () => 0 }).broker.publisher(options)
    await publisher.ready
    const tookMs = performance.now() - begun
    t.diagnostic(`${Math.round(tookMs)} ms`)
    assert.ok(tookMs < 2000, `${tookMs} ms`)
    assert.equal(ways[1].connections, 1)
    await publisher.close()
    for (const way of ways) await way.shut()
  })
}

test('a session whose broker goes moves to the other one, and back, and loses nothing', async () => {
  const { ways, url } = await twoWays()
  const publisher = adapter(url).broker.publisher({ ...options, topology: topologyOf('moves', 'moves') })
  await publisher.ready
  for (let turn = 0; turn < 4; turn++) {
    const [used, other] = ways[0].connections > 0 ? ways : [ways[1], ways[0]]
    await other.open()
    await used.shut()
    publisher.publish(message('moves', `${turn}`), () => {})
    await publisher.idle()
    assert.ok(other.connections > 0)
  }
  assert.deepEqual([...new Set((await vhost.take('moves')).map(String))], ['0', '1', '2', '3'])
  await publisher.close()
  for (const way of ways) await way.shut()
})

test('a password that is rotated in its file is taken for the next connection', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'kedafn-secret-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'password')
  const rotate = async (password: string) => {
    await vhost.api('PUT', `users/${user}`, { password, tags: '' })
    writeFileSync(path, `${password}\n`)
  }
  await rotate('first #/\\@%:')
  const all = { configure: '.*', write: '.*', read: '.*' }
  await vhost.api('PUT', `permissions/${encodeURIComponent(vhost.vhost)}/${user}`, all)
  const proxy = await TcpProxy.to(vhost.url)
  const env = { AMQP_USERNAME: user, AMQP_PASSWORD_FILE: path }
  const publisher = adapter(proxy.via(vhost.url), { env }).broker.publisher(options)
  await publisher.ready
  await rotate('second')
  proxy.reset()
  publisher.publish(message('logs', 'after'), () => {})
  await Promise.race([publisher.idle(), publisher.failed])
  await publisher.close()
  await proxy.shut()
})
