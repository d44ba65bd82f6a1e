import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkSpec } from '../../runtime/core/config.ts'
import type { Delivery } from '../../runtime/core/spec.ts'
import { topologyOf } from '../../runtime/core/topology.ts'
import { bodies, eventually, message } from '../contract/broker-world.ts'
import type { AnySpec } from '../loops/consuming.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { adapter, consumerLoop, vhostFor } from './world.ts'

const vhost = await vhostFor('broker-prefetched')
const cuts = 60
const wanted = bodies(100)

for (const marked of [false, true]) {
  const what = marked ? 'suspects of an earlier crash' : 'messages'
  test(`100 ${what} that are only prefetched while their connection is cut 60 times are all there, at attempt 1`, async (t) => {
    const proxy = await TcpProxy.to(vhost.url)
    t.after(() => proxy.shut())
    const queue = vhost.name(t)
    const publisher = adapter(vhost.url).broker.publisher({
      window: 200,
      windowBytes: 2 ** 20,
      topology: topologyOf(queue, queue, [1000, 2000, 4000, 8000]),
    })
    // An innocent one in front ends the probing, and all behind it are prefetched.
    publisher.publish(message(queue, 'first'), () => {})
    const headers = marked ? { 'kedafn-suspect': true } : {}
    for (const body of wanted) publisher.publish(message(queue, body, { headers }), () => {})
    await publisher.idle()
    await publisher.close()

    const random = () => 0
    const real = adapter(proxy.via(vhost.url), { random })
    const { instruments, entries } = real
    const handled: Delivery<unknown>[] = []
    let busy = true
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const spec = checkSpec('fn', {
      queue,
      batch: { size: 101 },
      handle: async (batch: readonly Delivery<unknown>[]) => {
        if (busy) await held
        handled.push(...batch)
      },
    }) as AnySpec
    const loop = consumerLoop(real, spec, { random })
    await loop.start()
    const { counters } = instruments
    let received = 0
    const lost = () => entries.filter(({ level }) => level === 'warn').length
    await eventually(t, () => assert.equal(counters.received, 101))
    // n.b. a session that begins with a suspect takes nothing else until that one is settled.
    const due = marked ? 1 : 101
    await t.waitFor(
      () => {
        if (counters.received >= received + (received === 0 ? 101 : due)) {
          received = counters.received
          proxy.reset()
        }
        assert.ok(lost() >= cuts)
      },
      { interval: 5, timeout: 60_000 },
    )
    busy = false
    release()
    await eventually(t, async () => assert.equal(new Set(handled.map(({ id }) => id)).size, 101))
    await loop.drain()
    assert.deepEqual(new Set(handled.map(({ attempt }) => attempt)), new Set([1]))
    assert.equal(counters.dead, 0)
    assert.equal(await vhost.ready(`${queue}.dead`), 0)
    assert.equal(await vhost.ready(queue), 0)
  })
}
