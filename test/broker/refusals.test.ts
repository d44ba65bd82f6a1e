import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { FnError } from '../../runtime/core/errors.ts'
import { topologyOf } from '../../runtime/core/topology.ts'
import { eventually, Inbox, message } from '../contract/broker-world.ts'
import { openVhost } from '../support/broker.ts'
import { adapter, vhostFor } from './world.ts'

const vhost = await vhostFor('broker-refusals')
const base = encodeURIComponent(vhost.vhost)
const windowBytes = 2 ** 20
const topology = topologyOf('logs', 'logs', [])
const users: string[] = []
after(async () => {
  for (const user of users) await vhost.api('DELETE', `users/${encodeURIComponent(user)}`)
})

interface Permissions {
  readonly configure: string
  readonly write: string
  readonly read: string
}

/** A user of its own. n.b. from the management API a permission is there for the next channel at once. */
async function user(name: string, permissions: Permissions | null, password = 'secret'): Promise<string> {
  users.push(name)
  await vhost.api('PUT', `users/${encodeURIComponent(name)}`, { password, tags: '' })
  if (permissions) await permit(name, permissions)
  const url = new URL(vhost.url)
  url.username = encodeURIComponent(name)
  url.password = encodeURIComponent(password)
  return url.href
}

const permit = (name: string, permissions: Permissions): Promise<unknown> =>
  vhost.api('PUT', `permissions/${base}/${encodeURIComponent(name)}`, permissions)

const everything: Permissions = { configure: '.*', write: '.*', read: '.*' }
const suffix = vhost.vhost

/** Rejects as the consumer and as the publisher. */
async function refused(url: string, code: string, words: RegExp, mode: 'declare' | 'verify' = 'declare') {
  const { broker, entries } = adapter(url, { mode })
  const publisher = broker.publisher({ window: 1, windowBytes, topology })
  publisher.publish(message('logs', 'body'), () => {})
  const consumer = broker.consumer({ queue: 'logs', prefetch: 1, topology })
  consumer.start(new Inbox())
  const check = (error: FnError) => {
    assert.equal(error.code, code)
    assert.match(error.message, words)
    assert.doesNotMatch(error.message, /secret/)
    return true
  }
  await Promise.all([assert.rejects(publisher.failed, check), assert.rejects(consumer.failed, check)])
  await Promise.all([publisher.close(), consumer.close()])
  assert.doesNotMatch(JSON.stringify(entries), /secret/)
}

test('a wrong password is refused with a code, naming the user and never the password', async () => {
  const url = new URL(await user(`wrong-${suffix}`, everything))
  url.password = 'other-secret'
  await refused(url.href, 'FN_LOGIN_REFUSED', new RegExp(`user 'wrong-${suffix}' at .*AMQP_URL`))
})

test('an unknown user is refused with the same code', async () => {
  const url = new URL(vhost.url)
  url.username = 'nobody'
  url.password = 'secret'
  await refused(url.href, 'FN_LOGIN_REFUSED', /user 'nobody'/)
})

test('a vhost that does not exist, or that the user may not enter, is refused with a code', async () => {
  const url = new URL(await user(`outside-${suffix}`, null))
  await refused(url.href, 'FN_VHOST_REFUSED', new RegExp(`vhost '${vhost.vhost}', user 'outside-`))
  url.pathname = '/no%20such%2Fvhost'
  await refused(url.href, 'FN_VHOST_REFUSED', /vhost 'no such\/vhost'/)
})

test('without the permission to declare it says so, and in verify mode without the permission to use it', async () => {
  const url = await user(`powerless-${suffix}`, { configure: '^$', write: '^$', read: '^$' })
  await refused(url, 'FN_PERMISSION_REFUSED', /access to .*'logs(\.\w+)?' in vhost/)
  const declaring = adapter(vhost.url).broker.publisher({ window: 1, windowBytes, topology })
  await declaring.ready
  await declaring.close()
  await refused(url, 'FN_PERMISSION_REFUSED', /access to .*'logs' in vhost/, 'verify')
})

test('in verify mode a producer that may only write, and a consumer that may only read, work', async (t) => {
  const declaring = adapter(vhost.url).broker.publisher({ window: 1, windowBytes, topology })
  await declaring.ready
  await declaring.close()
  const writer = await user(`writer-${suffix}`, { configure: '^$', write: '^logs$', read: '^$' })
  const reader = await user(`reader-${suffix}`, { configure: '^$', write: '^amq\\.default$', read: '^logs$' })
  const publisher = adapter(writer, { mode: 'verify' }).broker.publisher({ window: 1, windowBytes, topology })
  publisher.publish(message('logs', 'body'), () => {})
  await publisher.idle()
  const inbox = new Inbox()
  const { broker } = adapter(reader, { mode: 'verify' })
  const consumer = broker.consumer({ queue: 'logs', prefetch: 1, topology })
  consumer.start(inbox)
  await eventually(t, () => assert.equal(inbox.deliveries.length, 1))
  const moves = broker.publisher({ window: 1, windowBytes, topology })
  moves.publish(message('', 'body', { routingKey: 'logs.dead' }), () => {})
  await moves.idle()
  inbox.at(0).source.ack(1, false)
  await Promise.all([publisher.close(), consumer.close(), moves.close()])
})

test('a permission that is withdrawn ends the publisher with a code', async () => {
  const name = `withdrawn-${suffix}`
  const url = await user(name, everything)
  const publisher = adapter(url).broker.publisher({ window: 1, windowBytes, topology })
  publisher.publish(message('logs', 'body'), () => {})
  await publisher.idle()
  await permit(name, { ...everything, write: '^$' })
  // n.b. a channel remembers for some seconds what it was allowed: the next session asks again.
  const next = adapter(url, { mode: 'verify' }).broker.publisher({ window: 1, windowBytes, topology })
  next.publish(message('logs', 'body'), () => assert.fail('confirmed'))
  await assert.rejects(next.failed, (error: FnError) => error.code === 'FN_PERMISSION_REFUSED')
  await Promise.all([publisher.close(), next.close()])
})

const odd = ['p@ss:w/ord?#[]%41', 'ü€😀 space', '"quoted\\"', '%2F', '+&=;,$!*()']
for (const [index, special] of odd.entries()) {
  test(`user, password and vhost may hold ${special}`, async (t) => {
    const name = `${special}-${index}-${suffix}`
    const strange = await openVhost(`${special}-${index}`)
    t.after(strange.dispose)
    const login = new URL(await user(name, null, special))
    const inside = `permissions/${encodeURIComponent(strange.vhost)}/${encodeURIComponent(name)}`
    await vhost.api('PUT', inside, everything)
    login.pathname = new URL(strange.url).pathname
    const publisher = adapter(login.href).broker.publisher({ window: 1, windowBytes, topology })
    publisher.publish(message('logs', 'body'), () => {})
    await publisher.idle()
    await publisher.close()
  })
}
