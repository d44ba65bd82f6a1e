import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Checkpoint } from '../../runtime/core/checkpoint.ts'
import type { FnError } from '../../runtime/core/errors.ts'
import { type Grants, grantsOf, permissionsOf, type RoleOptions } from '../../runtime/core/permissions.ts'
import { checkpointTopology, deadQueueOf, lockQueueOf, retryQueueOf, topologyOf } from '../../runtime/core/topology.ts'
import { inspector } from '../../runtime/rabbitmq/inspect.ts'
import { systemClock } from '../../runtime/system/clock.ts'
import { message } from '../contract/broker-world.ts'
import { openVhost } from '../support/broker.ts'
import { adapter, vhostFor } from './world.ts'

const admin = await vhostFor('broker-permissions')
const user = encodeURIComponent(`least-${admin.vhost}`)
const login = (path: string) => {
  const { origin } = new URL(admin.managementUrl)
  const authorization = `Basic ${Buffer.from(`${decodeURIComponent(user)}:secret`).toString('base64')}`
  return fetch(`${origin}/api/${path}`, { headers: { authorization } })
}
after(() => admin.api('DELETE', `users/${user}`))

const source = 'here'
const windowBytes = 2 ** 20
const retryMs = 100
const kept = checkpointTopology('logs', source)
const checkpoint: Checkpoint = { file: 'f', device: '1', inode: '2', offset: 3, fingerprint: '4' }
type Mode = 'declare' | 'verify'
type Work = (url: string, mode: Mode) => Promise<void>

/** A line, a line for the dead letters, and a checkpoint that is written and read. */
const produce: Work = async (url, mode) => {
  const { publisher, store } = adapter(url, { mode }).broker.locked({
    window: 10,
    windowBytes,
    topology: [...topologyOf('logs', 'logs'), kept],
    lock: lockQueueOf('logs', source),
    checkpointQueue: kept.name,
    admit: async () => {},
  })
  publisher.publish(message('logs', 'body'), () => {})
  publisher.publish(message('', 'dead', { routingKey: deadQueueOf('logs') }), () => {})
  const work = async () => {
    await publisher.idle()
    await store?.save(checkpoint)
    assert.deepEqual(await store?.load(), checkpoint)
  }
  await Promise.race([publisher.failed, work()]).finally(() => publisher.close())
}

/** Consumes, and moves something to the retries and to the dead letters. */
const consume: Work = async (url, mode) => {
  const { broker } = adapter(url, { mode })
  const topology = topologyOf('logs', 'logs', [retryMs])
  const consumer = broker.consumer({ queue: 'logs', prefetch: 1, topology })
  const publisher = broker.publisher({ window: 10, windowBytes, topology })
  const ready = new Promise<void>((resolve) => {
    consumer.start({ ready: resolve, delivery: () => {}, lost: () => {} })
  })
  for (const queue of [retryQueueOf('logs', retryMs), deadQueueOf('logs')]) {
    publisher.publish(message('', `to ${queue}`, { routingKey: queue }), () => {})
  }
  try {
    await Promise.race([consumer.failed, publisher.failed, Promise.all([publisher.idle(), ready])])
  } finally {
    await Promise.all([consumer.close(), publisher.close()])
  }
}

/** Does the work with these permissions in a vhost of its own: what is not made yet is made with others than what is. */
async function attempt(grants: Grants, mode: Mode, work: Work): Promise<void> {
  await using vhost = await openVhost('least')
  if (mode === 'verify') {
    const topology = [...topologyOf('logs', 'logs', [retryMs]), kept]
    const publisher = adapter(vhost.url).broker.publisher({ window: 1, windowBytes, topology })
    await publisher.ready
    await publisher.close()
  }
  const pattern = (pieces: readonly string[]) => (pieces.length === 0 ? '^$' : `^(${pieces.join('|')})$`)
  const [configure, write, read] = [grants.configure, grants.write, grants.read].map(pattern)
  await admin.api('PUT', `users/${user}`, { password: 'secret', tags: '' })
  await admin.api('PUT', `permissions/${encodeURIComponent(vhost.vhost)}/${user}`, { configure, write, read })
  const url = new URL(vhost.url)
  url.username = user
  url.password = 'secret'
  await work(url.href, mode)
}

for (const [role, work] of [
  ['producer', produce],
  ['consumer', consume],
] as const) {
  for (const topology of ['verify', 'declare'] as const) {
    const options: RoleOptions = { queue: 'logs', topology, source, checkpoint: 'broker' }
    const grants = grantsOf(role, options)
    test(`a ${role} that may ${topology} works with its permissions, and without any one of them says so`, async (t) => {
      await attempt(grants, topology, work)
      for (const kind of ['configure', 'write', 'read'] as const) {
        for (const piece of grants[kind]) {
          const rest = { ...grants, [kind]: grants[kind].filter((other) => other !== piece) }
          await assert.rejects(
            attempt(rest, topology, work),
            (error: FnError) => error.code === 'FN_PERMISSION_REFUSED',
            `it works without the permission to ${kind} ${piece}`,
          )
          t.diagnostic(`needed: ${kind} ${piece}`)
        }
      }
    })
  }
}

test('a scaler sees how long the queue is, by HTTP with the tag management, and may do nothing else', async () => {
  await using vhost = await openVhost('scaler')
  const topology = topologyOf('logs', 'logs')
  const declaring = adapter(vhost.url).broker.publisher({ window: 1, windowBytes, topology })
  await declaring.ready
  await declaring.close()
  const permissions = permissionsOf('scaler', { queue: 'logs', topology: 'verify' })
  await admin.api('PUT', `permissions/${encodeURIComponent(vhost.vhost)}/${user}`, permissions)
  const queue = `queues/${encodeURIComponent(vhost.vhost)}/logs`
  await admin.api('PUT', `users/${user}`, { password: 'secret', tags: '' })
  assert.equal((await login(queue)).status, 401)
  await admin.api('PUT', `users/${user}`, { password: 'secret', tags: 'management' })
  assert.equal((await login(queue)).status, 200)
  const url = new URL(vhost.url)
  url.username = user
  url.password = 'secret'
  const inspecting = inspector(url.href, systemClock)
  assert.equal((await inspecting.depth('logs'))?.ready, 0)
  await inspecting.close()
  const publisher = adapter(url.href, { mode: 'verify' }).broker.publisher({ window: 1, windowBytes, topology })
  publisher.publish(message('logs', 'body'), () => {})
  await assert.rejects(publisher.failed, (error: FnError) => error.code === 'FN_PERMISSION_REFUSED')
  await publisher.close()
})
