import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { topologyOf } from '../../runtime/core/topology.ts'
import { eventually, Inbox, message } from '../contract/broker-world.ts'
import { ownBroker } from '../support/broker.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { adapter } from './world.ts'

const broker = await ownBroker()
after(() => broker.dispose())
const windowBytes = 2 ** 20
let queues = 0

/** All that holds a session, begun behind a proxy: a publisher, one with a lock, and a consumer, each with something to do. */
function begun(proxy: TcpProxy) {
  const { broker: port, entries } = adapter(proxy.via(broker.url))
  const queue = `close.${++queues}`
  const topology = topologyOf(queue, queue, [])
  const options = { window: 10, windowBytes, topology }
  const lock = `${queue}.lock`
  const publishers = [
    port.publisher(options),
    port.locked({ ...options, lock, admit: async () => {}, checkpointQueue: null }).publisher,
  ]
  const consumer = port.consumer({ queue, prefetch: 10, topology })
  const inbox = new Inbox()
  consumer.start(inbox)
  const publish = () => {
    for (const publisher of publishers) publisher.publish(message(queue, 'body'), () => {})
  }
  publish()
  const works = async (t: TestContext) => {
    await Promise.all(publishers.map((publisher) => publisher.idle()))
    await eventually(t, () => assert.equal(inbox.deliveries.length, 2))
  }
  return { proxy, entries, publishers, consumer, publish, works }
}

type World = ReturnType<typeof begun>

/** How each state is reached, and how long a close may take in it, in ms: a second where there is somebody to be polite to. */
const states: Record<string, { withinMs: number; before?: (proxy: TcpProxy) => unknown; reach: Reach }> = {
  'everything works': { withinMs: 500, reach: (t, { works }) => works(t) },
  'the broker is away, and the next try not due': {
    withinMs: 100,
    before: (proxy) => proxy.shut(),
    reach: (t, { entries }) => eventually(t, () => assert.ok(entries.length >= 9)),
  },
  'the handshake hangs': {
    withinMs: 100,
    before: (proxy) => proxy.freeze(),
    reach: (t, { proxy }) => eventually(t, () => assert.equal(proxy.connections, 3)),
  },
  'the peer went silent, with publishes unconfirmed and a delivery unsettled': {
    withinMs: 1200,
    async reach(t, { proxy, publishers, publish, works }) {
      await works(t)
      proxy.freeze()
      publish()
      for (const publisher of publishers) assert.equal(publisher.unconfirmed(), 1)
    },
  },
  'the connection is in the middle of a reset': {
    withinMs: 1200,
    async reach(t, { proxy, works }) {
      await works(t)
      proxy.reset()
    },
  },
  // The last: it stays.
  'an alarm blocks what was published': {
    withinMs: 1200,
    async reach(t, { entries, publishers, publish, works }) {
      await works(t)
      await broker.ctl('set_vm_memory_high_watermark', '0.0000001')
      publish()
      const blocked = () => entries.filter(({ message: words }) => words === 'the broker blocks publishing')
      await eventually(t, () => assert.equal(blocked().length, 2))
      for (const publisher of publishers) assert.equal(publisher.unconfirmed(), 1)
    },
  },
}
type Reach = (t: TestContext, world: World) => unknown

/** n.b. a socket that is left over would keep a process alive; here the proxy sees it. */
async function closesWithin(t: TestContext, withinMs: number, { proxy, publishers, consumer }: World): Promise<void> {
  const since = performance.now()
  await Promise.all([...publishers, consumer].map((each) => each.close()))
  const tookMs = performance.now() - since
  t.diagnostic(`${Math.round(tookMs)} ms`)
  assert.ok(tookMs < withinMs, `${tookMs} ms`)
  proxy.thaw()
  await eventually(t, () => assert.equal(proxy.connections, 0))
}

test('a close while the peer is silent since any byte of handshake and set-up: within 1200 ms, and no socket is left', async (t) => {
  // Together: each takes its second.
  const silentSince = async (bytes: number) => {
    await using proxy = await TcpProxy.to(broker.url)
    proxy.freezeAfter(bytes, 'server')
    const world = begun(proxy)
    await eventually(t, () => assert.equal(proxy.cutDue, false))
    await closesWithin(t, 1200, world)
  }
  await Promise.all(Array.from({ length: 24 }, (_, index) => silentSince(1 + index * 83)))
})

for (const [state, { withinMs, before, reach }] of Object.entries(states)) {
  test(`a close while ${state}: within ${withinMs} ms, and no socket is left`, async (t) => {
    await using proxy = await TcpProxy.to(broker.url)
    await before?.(proxy)
    const world = begun(proxy)
    await reach(t, world)
    await closesWithin(t, withinMs, world)
  })
}
