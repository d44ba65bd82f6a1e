import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import type { FnError } from '../../runtime/core/errors.ts'
import { topologyOf } from '../../runtime/core/topology.ts'
import type { Consumer, Publisher } from '../../runtime/ports.ts'
import { eventually, Inbox, message } from '../contract/broker-world.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { adapter, vhostFor } from './world.ts'

/**
 * What becomes of a function at work whose user loses something, and gets it back:
 *
 * | withdrawn | seen | then |
 * |---|---|---|
 * | write | at the first publish after the channel was idle for a second or so: until then the broker remembers | FN_PERMISSION_REFUSED |
 * | read | at the next session; the consumer that is registered goes on | FN_PERMISSION_REFUSED |
 * | all on the vhost | at the next session, refused several times | FN_VHOST_REFUSED |
 * | the user | at once: the broker closes its connections | FN_LOGIN_REFUSED |
 *
 * What is given back before it is seen is never missed. After one of the errors the process is gone, and the next one works.
 */

const vhost = await vhostFor('broker-withdrawn')
const windowBytes = 2 ** 20
const users: string[] = []
after(() => Promise.all(users.map((user) => vhost.api('DELETE', `users/${user}`))))

/** A publisher and a consumer at work behind a proxy, as a user that nobody else is. */
async function atWork(t: TestContext) {
  const proxy = await TcpProxy.to(vhost.url)
  t.after(() => proxy.shut())
  const queue = vhost.name(t)
  const user = `kedafn-${queue}-${vhost.vhost.slice(-8)}`
  users.push(user)
  const permissions = `permissions/${encodeURIComponent(vhost.vhost)}/${user}`
  const all = { configure: '.*', write: '.*', read: '.*' }
  const make = () => vhost.api('PUT', `users/${user}`, { password: 'secret', tags: '' })
  const grant = (but: Partial<typeof all> = {}) => vhost.api('PUT', permissions, { ...all, ...but })
  await make()
  await grant()
  const address = new URL(proxy.via(vhost.url))
  address.username = user
  address.password = 'secret'
  const topology = topologyOf(queue, queue, [])
  const begin = async () => {
    const { broker, entries } = adapter(address.href)
    const publisher = broker.publisher({ window: 100, windowBytes, topology })
    const consumer = broker.consumer({ queue, prefetch: 100, topology })
    const inbox = new Inbox()
    consumer.start(inbox)
    t.after(() => Promise.all([publisher.close(), consumer.close()]))
    await publisher.ready
    await eventually(t, () => assert.equal(inbox.readies, 1))
    return { publisher, consumer, inbox, entries }
  }
  return {
    proxy,
    queue,
    make,
    grant,
    begin,
    revoke: () => vhost.api('DELETE', permissions),
    remove: () => vhost.api('DELETE', `users/${user}`),
    ...(await begin()),
  }
}

const failure = ({ failed }: Publisher | Consumer): Promise<FnError> => failed.catch((error) => error)

/** What was given back is enough for the process that comes next, at once. */
async function worksAgain(t: TestContext, world: Awaited<ReturnType<typeof atWork>>): Promise<void> {
  const { begin, queue } = world
  await Promise.all([world.publisher.close(), world.consumer.close()])
  const begun = performance.now()
  const { publisher, inbox } = await begin()
  publisher.publish(message(queue, 'again'), () => {})
  await publisher.idle()
  await eventually(t, () => assert.ok(inbox.bodies.includes('again')))
  assert.ok(performance.now() - begun < 2000)
}

test('a producer that may no longer write ends with FN_PERMISSION_REFUSED, and nothing counts as sent; one started after it was given back works', async (t) => {
  const world = await atWork(t)
  const { publisher, queue, grant } = world
  const confirmed: string[] = []
  const sent: string[] = []
  await grant({ write: '^$' })
  let error: FnError | null = null
  void failure(publisher).then((failed) => {
    error = failed
  })
  // n.b. a channel remembers what was allowed until it is idle for a second.
  await t.waitFor(
    () => {
      if (error === null) {
        const body = `message ${sent.length}`
        sent.push(body)
        publisher.publish(message(queue, body), () => confirmed.push(body))
      }
      assert.ok(error)
    },
    { interval: 2500, timeout: 30_000 },
  )
  const { code, message: words } = error as unknown as FnError
  assert.equal(code, 'FN_PERMISSION_REFUSED')
  assert.match(words, new RegExp(`user '.*'.*exchange '${queue.replace('.', '\\.')}'`))
  assert.deepEqual(confirmed, sent.slice(0, -1))
  await grant()
  await worksAgain(t, world)
})

test('a consumer that may no longer read goes on while its session lives; the next one ends with FN_PERMISSION_REFUSED', async (t) => {
  const world = await atWork(t)
  const { publisher, consumer, inbox, queue, grant, proxy } = world
  await grant({ read: '^$' })
  publisher.publish(message(queue, 'still read'), () => {})
  await publisher.idle()
  await eventually(t, () => assert.deepEqual(inbox.bodies, ['still read']))
  inbox.at(0).source.ack(1, false)
  proxy.reset()
  const error = await failure(consumer)
  assert.equal(error.code, 'FN_PERMISSION_REFUSED')
  assert.match(error.message, new RegExp(`user '.*'.*ACCESS_REFUSED.* '${queue.replace('.', '\\.')}'`))
  await grant()
  await worksAgain(t, world)
})

test('a user that is deleted is noticed at once: both sessions end with FN_LOGIN_REFUSED; made again, it works', async (t) => {
  const world = await atWork(t)
  const { publisher, consumer, make, grant, remove } = world
  await remove()
  const errors = await Promise.all([failure(publisher), failure(consumer)])
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['FN_LOGIN_REFUSED', 'FN_LOGIN_REFUSED'],
  )
  await make()
  await grant()
  await worksAgain(t, world)
})

test('a user without any permission on the vhost is refused it several times before FN_VHOST_REFUSED ends its sessions', async (t) => {
  const world = await atWork(t)
  const { publisher, consumer, entries, proxy, revoke, grant } = world
  await revoke()
  proxy.reset()
  const errors = await Promise.all([failure(publisher), failure(consumer)])
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['FN_VHOST_REFUSED', 'FN_VHOST_REFUSED'],
  )
  assert.ok(entries.filter(({ level }) => level === 'warn').length >= 8)
  await grant()
  await worksAgain(t, world)
})

test('what is withdrawn and given back while no session is opened is never missed', async (t) => {
  const world = await atWork(t)
  const { publisher, inbox, proxy, queue, make, grant, remove } = world
  await proxy.shut()
  await remove()
  publisher.publish(message(queue, 'meanwhile'), () => {})
  await make()
  await grant()
  const begun = performance.now()
  await proxy.open()
  await publisher.idle()
  await eventually(t, () => {
    assert.equal(inbox.readies, 2)
    assert.deepEqual(inbox.bodies, ['meanwhile'])
  })
  assert.ok(performance.now() - begun < 2000)
})
