import assert from 'node:assert/strict'
import dns from 'node:dns'
import { type TestContext, test } from 'node:test'
import { topologyOf } from '../../runtime/core/topology.ts'
import { eventually, Inbox, message } from '../contract/broker-world.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { adapter, vhostFor } from './world.ts'

const vhost = await vhostFor('broker-host-names')
const name = 'rabbit.example'

/** A name server that knows `name` at times: `node:net` asks `dns.lookup` for every socket. */
function nameServer(t: TestContext) {
  const server = { failsWith: null as 'ENOTFOUND' | 'EAI_AGAIN' | null, asked: 0 }
  const lookup = dns.lookup
  t.mock.method(dns, 'lookup', (host: string, options: dns.LookupOptions, done: (...answer: unknown[]) => void) => {
    if (host !== name) return lookup(host, options, done as never)
    server.asked++
    const code = server.failsWith
    if (code === null) return lookup('127.0.0.1', options, done as never)
    queueMicrotask(() => done(Object.assign(new Error(`getaddrinfo ${code} ${host}`), { code, hostname: host })))
  })
  return server
}

for (const code of ['ENOTFOUND', 'EAI_AGAIN'] as const) {
  test(`a host name that is not known (${code}), at the start or later, is asked for again, and named; once it is known all goes on`, async (t) => {
    const server = nameServer(t)
    const proxy = await TcpProxy.to(vhost.url)
    t.after(() => proxy.shut())
    const url = new URL(proxy.via(vhost.url))
    url.hostname = name
    const { broker, entries } = adapter(url.href)
    const queue = vhost.name(t)
    const topology = topologyOf(queue, queue, [])
    server.failsWith = code
    const publisher = broker.publisher({ window: 10, windowBytes: 2 ** 20, topology })
    const consumer = broker.consumer({ queue, prefetch: 10, topology })
    const inbox = new Inbox()
    consumer.start(inbox)
    for (const body of ['at the start', 'later']) {
      publisher.publish(message(queue, body), () => {})
      const before = server.asked
      await eventually(t, () => assert.ok(server.asked >= before + 6))
      const warning = entries.findLast(({ level }) => level === 'warn')?.fields
      assert.match(String(warning?.cause), new RegExp(code))
      assert.match(String(warning?.advice), /'rabbit\.example': check the host in AMQP_URL/)
      server.failsWith = null
      const begun = performance.now()
      await publisher.idle()
      await eventually(t, () => assert.equal(inbox.bodies.at(-1), body))
      assert.ok(performance.now() - begun < 2000)
      // What stands needs no name; what is lost does.
      server.failsWith = code
      proxy.reset()
      await eventually(t, () => assert.equal(inbox.lostSources.length, body === 'later' ? 2 : 1))
    }
    await Promise.all([publisher.close(), consumer.close()])
  })
}
