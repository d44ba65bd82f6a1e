import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { encodeCheckpoint } from '../../runtime/core/checkpoint.ts'
import { checkpointQueueOf, checkpointTopology, lockQueueOf, topologyOf } from '../../runtime/core/topology.ts'
import type { CheckpointStore, Publisher } from '../../runtime/ports.ts'
import { Checkpoints } from '../../runtime/produce-locked.ts'
import { eventually, firsts, message } from '../contract/broker-world.ts'
import { checkpointAt, checkpointStoreContract } from '../contract/checkpoint-store.contract.ts'
import { isPending, type LogEntry } from '../loops/consuming.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { adapter, vhostFor } from './world.ts'

const vhost = await vhostFor('broker-checkpoint')
const windowBytes = 2 ** 20

interface Producer {
  readonly publisher: Publisher
  readonly store: CheckpointStore
  readonly entries: LogEntry[]
  readonly reconnects: () => number
}

/** A producer of the source `source`, as `runtime/main.ts` puts it together. It is closed when the test is over. */
function producer(
  t: TestContext,
  queue: string,
  {
    url = vhost.url,
    mode = 'declare',
    heartbeatS = 10,
    declared = true,
  }: { url?: string; mode?: 'declare' | 'verify'; heartbeatS?: number; declared?: boolean } = {},
): Producer {
  const { broker, entries, instruments } = adapter(url, { mode, heartbeatS })
  const checkpoints = new Checkpoints()
  const { publisher, store } = broker.locked({
    window: 100,
    windowBytes,
    topology: [...topologyOf(queue, queue), ...(declared ? [checkpointTopology(queue, 'source')] : [])],
    lock: lockQueueOf(queue, 'source'),
    admit: checkpoints.admit,
    checkpointQueue: checkpointQueueOf(queue, 'source'),
  })
  publisher.failed.catch(() => {})
  t.after(() => publisher.close())
  assert.ok(store)
  const watched = checkpoints.watch(store, false)
  return { publisher, store: watched, entries, reconnects: () => instruments.counters.reconnects }
}

const waits = ({ entries }: Producer): boolean =>
  entries.some(({ level, message }) => level === 'info' && message.startsWith('waiting for the lock'))

const publish = ({ publisher }: Producer, queue: string, bodies: readonly string[]): void => {
  for (const body of bodies) publisher.publish(message(queue, body), () => {})
}

checkpointStoreContract('broker', (t) => {
  const queue = vhost.name(t)
  let last: Producer | null = null
  return () => {
    void last?.publisher.close()
    last = producer(t, queue)
    return last.store
  }
})

test('the checkpoint queue holds one message, the newest, and reading it leaves it there', async (t) => {
  const queue = vhost.name(t)
  const { store } = producer(t, queue)
  for (const offset of [1, 2, 3]) await store.save(checkpointAt(offset))
  for (let reads = 0; reads < 30; reads++) assert.deepEqual(await store.load(), checkpointAt(3))
  const stored = await vhost.take(checkpointQueueOf(queue, 'source'))
  assert.deepEqual(stored.map(String), [encodeCheckpoint(checkpointAt(3))])
})

test('a checkpoint that is damaged is refused, naming the queue', async (t) => {
  const queue = vhost.name(t)
  const { store } = producer(t, queue)
  await store.save(checkpointAt(1))
  await vhost.ask(async (channel) => {
    channel.sendToQueue(checkpointQueueOf(queue, 'source'), Buffer.from('kedafn-checkpoint-1 00000000\n{}\n'))
    await channel.waitForConfirms()
  })
  await assert.rejects(store.load(), {
    code: 'FN_CHECKPOINT_UNUSABLE',
    message: new RegExp(`${checkpointQueueOf(queue, 'source')}' is damaged`),
  })
})

test('a value that a dead reader has not given back yet is waited for, not taken for none', async (t) => {
  const queue = vhost.name(t)
  const { store } = producer(t, queue)
  await store.save(checkpointAt(7))
  await vhost.ask(async (channel) => {
    const held = await channel.get(checkpointQueueOf(queue, 'source'))
    assert.ok(held)
    const loading = store.load()
    // So long that the first look is over.
    for (let asked = 0; asked < 5; asked++) await channel.checkQueue(queue)
    channel.nack(held)
    assert.deepEqual(await loading, checkpointAt(7))
  })
})

test('of two producers one works and the other waits, quietly, until the first is gone', async (t) => {
  const queue = vhost.name(t)
  const first = producer(t, queue)
  await first.publisher.ready
  await first.store.save(checkpointAt(5))
  const second = producer(t, queue)
  const loading = second.store.load()
  await eventually(t, () => assert.ok(waits(second)))
  publish(second, queue, ['second'])
  publish(first, queue, ['first'])
  await first.publisher.idle()
  assert.equal(await isPending(loading), true)
  assert.equal(second.publisher.unconfirmed(), 1)
  await first.publisher.close()
  assert.deepEqual(await loading, checkpointAt(5))
  await second.publisher.idle()
  assert.deepEqual((await vhost.take(queue)).map(String), ['first', 'second'])
  assert.deepEqual(
    second.entries.map(({ level }) => level),
    ['info', 'info'],
  )
  assert.equal(second.reconnects(), 0)
})

test('producers of different sources do not wait for each other', async (t) => {
  const [one, other] = [producer(t, vhost.name(t)), producer(t, vhost.name(t))]
  await Promise.all([one.publisher.ready, other.publisher.ready])
})

test('a producer that waits for the lock closes at once', async (t) => {
  const queue = vhost.name(t)
  await producer(t, queue).publisher.ready
  const second = producer(t, queue)
  const loading = second.store.load()
  await eventually(t, () => assert.ok(waits(second)))
  await Promise.all([second.publisher.close(), assert.rejects(loading, /is closed/)])
})

test('a session that is lost and taken up again publishes what is unconfirmed, and saves what it could not', async (t) => {
  const queue = vhost.name(t)
  await using proxy = await TcpProxy.to(vhost.url)
  const only = producer(t, queue, { url: proxy.via(vhost.url) })
  assert.equal(await only.store.load(), null)
  await only.store.save(checkpointAt(1))
  await proxy.shut()
  publish(only, queue, ['a', 'b'])
  const saving = only.store.save(checkpointAt(2))
  assert.equal(await isPending(saving), true)
  await proxy.open()
  await Promise.all([saving, only.publisher.idle()])
  assert.deepEqual(await only.store.load(), checkpointAt(2))
  assert.deepEqual((await vhost.take(queue)).map(String), ['a', 'b'])
})

/** `away` loses its connections in `lose`; another producer goes on, saves and leaves; then `away` is let back in. */
async function takenOver(
  t: TestContext,
  queue: string,
  {
    lose,
    letBack,
    heartbeatS,
  }: { lose(proxy: TcpProxy): unknown; letBack(proxy: TcpProxy): unknown; heartbeatS: number },
): Promise<void> {
  await using proxy = await TcpProxy.to(vhost.url)
  const away = producer(t, queue, { url: proxy.via(vhost.url), heartbeatS })
  assert.equal(await away.store.load(), null)
  publish(away, queue, ['before'])
  await away.publisher.idle()
  await away.store.save(checkpointAt(10))
  await lose(proxy)
  publish(away, queue, ['fenced off 1', 'fenced off 2'])
  const saving = away.store.save(checkpointAt(20))

  const other = producer(t, queue)
  assert.deepEqual(await other.store.load(), checkpointAt(10))
  await other.publisher.ready
  publish(other, queue, ['other'])
  await other.publisher.idle()
  await other.store.save(checkpointAt(15))
  await letBack(proxy)
  publish(away, queue, ['fenced off 3'])
  await other.publisher.close()

  await Promise.all([
    assert.rejects(away.publisher.failed, { code: 'FN_TAKEN_OVER' }),
    assert.rejects(saving, { code: 'FN_TAKEN_OVER' }),
  ])
  assert.equal(away.publisher.unconfirmed(), 3)
  const last = producer(t, queue)
  await away.publisher.close()
  assert.deepEqual(await last.store.load(), checkpointAt(15))
  assert.deepEqual(firsts((await vhost.take(queue)).map(String)), ['before', 'other'])
}

test('a producer that was cut off and taken over publishes and saves nothing of what it had', (t) =>
  takenOver(t, vhost.name(t), { lose: (proxy) => proxy.shut(), letBack: (proxy) => proxy.open(), heartbeatS: 10 }))

test('nor does one whose connection went silent, once the broker gave it up by its heartbeats', (t) =>
  takenOver(t, vhost.name(t), { lose: (proxy) => proxy.freeze(), letBack: (proxy) => proxy.thaw(), heartbeatS: 1 }))

test('one that finds the lock taken for long gives up what it holds, also if nothing was saved', async (t) => {
  const queue = vhost.name(t)
  await using proxy = await TcpProxy.to(vhost.url)
  const away = producer(t, queue, { url: proxy.via(vhost.url) })
  assert.equal(await away.store.load(), null)
  await proxy.shut()
  const other = producer(t, queue)
  await other.publisher.ready
  publish(away, queue, ['fenced off'])
  await proxy.open()
  await assert.rejects(away.publisher.failed, { code: 'FN_TAKEN_OVER', message: /has the lock/ })
  await other.publisher.close()
  assert.deepEqual(await vhost.take(queue), [])
})

test('a checkpoint that the broker refuses is saved once it takes it again', async (t) => {
  const queue = vhost.name(t)
  const { name, arguments: args } = checkpointTopology(queue, 'source')
  const standsWith = (others: Record<string, unknown>) =>
    vhost.ask(async (channel) => {
      await channel.deleteQueue(name)
      await channel.assertQueue(name, { durable: true, arguments: { ...args, ...others } })
    })
  await standsWith({})
  // It declares only what does not change.
  const { store, entries } = producer(t, queue, { declared: false })
  assert.equal(await store.load(), null)
  await store.save(checkpointAt(1))
  await standsWith({ 'x-max-length': 0, 'x-overflow': 'reject-publish' })
  // n.b. It takes one message more than none.
  await vhost.ask(async (channel) => {
    channel.sendToQueue(name, Buffer.from(encodeCheckpoint(checkpointAt(1))))
    await channel.waitForConfirms()
  })
  const saving = store.save(checkpointAt(2))
  const nacked = () => entries.filter(({ fields }) => /nack/.test(String(fields.cause))).length
  await eventually(t, () => assert.ok(nacked() >= 2))
  assert.equal(await isPending(saving), true)
  await standsWith({})
  await saving
  assert.deepEqual(await store.load(), checkpointAt(2))
})

test('a checkpoint queue that is deleted is declared again, and the save comes through', async (t) => {
  const queue = vhost.name(t)
  const { store } = producer(t, queue)
  await store.save(checkpointAt(1))
  await vhost.ask((channel) => channel.deleteQueue(checkpointQueueOf(queue, 'source')))
  await store.save(checkpointAt(2))
  assert.deepEqual(await store.load(), checkpointAt(2))
})

test('in verify mode the lock is all that a producer must be allowed to make', async (t) => {
  const queue = vhost.name(t)
  await producer(t, queue).publisher.close()
  const declaring = producer(t, queue)
  await declaring.publisher.ready
  await declaring.publisher.close()
  const name = `producer-${vhost.vhost}`
  const permit = (configure: string) =>
    vhost.api('PUT', `permissions/${encodeURIComponent(vhost.vhost)}/${name}`, {
      configure,
      write: `^(${queue}|amq\\.default)$`,
      read: `^${queue}\\.checkpoint\\..*`,
    })
  await vhost.api('PUT', `users/${name}`, { password: 'secret', tags: '' })
  t.after(() => vhost.api('DELETE', `users/${name}`))
  await permit(`^${queue}\\.lock\\..*`)
  const url = new URL(vhost.url)
  url.username = name
  url.password = 'secret'
  const working = producer(t, queue, { url: url.href, mode: 'verify' })
  await working.store.save(checkpointAt(1))
  assert.deepEqual(await working.store.load(), checkpointAt(1))
  publish(working, queue, ['one'])
  await working.publisher.idle()
  await working.publisher.close()
  await permit('^$')
  await assert.rejects(producer(t, queue, { url: url.href, mode: 'verify' }).publisher.failed, {
    code: 'FN_PERMISSION_REFUSED',
    message: new RegExp(`${queue}\\.lock\\.source`),
  })
})
