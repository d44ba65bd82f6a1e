import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import { askManagement } from '../../dev/broker/management.ts'
import { accessOf } from '../../dev/broker-access.ts'
import type { FnError } from '../../runtime/core/errors.ts'
import { topologyOf } from '../../runtime/core/topology.ts'
import { inspector } from '../../runtime/rabbitmq/inspect.ts'
import { systemClock } from '../../runtime/system/clock.ts'
import { message } from '../contract/broker-world.ts'
import { ownBroker } from '../support/broker.ts'
import { Certificates } from '../support/certificates.ts'
import { freePort } from '../support/free-port.ts'
import { adapter } from './world.ts'

const made = new Certificates()
const authority = made.authority('authority')
const stranger = made.authority('stranger')
const server = made.signed(authority, 'localhost')
const client = made.signed(authority, 'by-certificate', { passphrase: 'hush' })
const refused = made.signed(stranger, 'by-certificate')
const port = await freePort()
const own = await ownBroker(() => {}, { tls: { port, ca: authority.cert, ...server } })
after(async () => {
  await own.dispose()
  made.dispose()
})

const passphrase = { AMQP_KEY_PASSPHRASE: 'hush' }
const trust = { AMQP_CA_FILE: authority.cert }
const shown = { AMQP_CERT_FILE: client.cert, AMQP_KEY_FILE: client.key, ...passphrase }
const url = `amqps://guest:guest@localhost:${port}`

/** Publishes one message. */
async function publish(address: string, env: Record<string, string>): Promise<void> {
  const { broker } = adapter(address, { env })
  const publisher = broker.publisher({ window: 1, windowBytes: 1000, topology: topologyOf('tls', 'tls') })
  publisher.publish(message('tls', 'body'), () => {})
  await Promise.race([publisher.idle(), publisher.failed]).finally(() => publisher.close())
}

const fails = (code: string, words: RegExp) => (error: FnError) => {
  assert.equal(error.code, code, `${error}`)
  assert.match(error.message, words)
  assert.doesNotMatch(error.message, /hush/)
  return true
}

test('with its authority and a certificate, a function gets through', () => publish(url, { ...trust, ...shown }))

test('with the same settings npm start can look at the queues', async () => {
  const asking = inspector(accessOf({ AMQP_URL: url, ...trust, ...shown }).now, systemClock)
  assert.equal(await asking.depth('nothing'), null)
  await asking.close()
})

test('an authority that is not known is refused, and the message names AMQP_CA_FILE', async () => {
  await assert.rejects(publish(url, shown), fails('FN_CERTIFICATE_UNTRUSTED', /AMQP_CA_FILE/))
})

test('a host that is not in the certificate is refused, unless AMQP_TLS_SERVER_NAME says that it is the one', async () => {
  const address = url.replace('localhost', '127.0.0.1')
  const expected = fails('FN_CERTIFICATE_UNTRUSTED', /another name.*AMQP_TLS_SERVER_NAME/)
  await assert.rejects(publish(address, { ...trust, ...shown }), expected)
  await publish(address, { ...trust, ...shown, AMQP_TLS_SERVER_NAME: 'localhost' })
})

test('a certificate that has expired is refused', async (t) => {
  const expired = made.signed(authority, 'localhost', { days: -1 })
  const other = createTlsServer({ cert: readFileSync(expired.cert), key: readFileSync(expired.key) })
  other.on('tlsClientError', () => {})
  other.listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => other.close())
  const address = `amqps://localhost:${(other.address() as AddressInfo).port}`
  await assert.rejects(publish(address, trust), fails('FN_CERTIFICATE_UNTRUSTED', /has expired/))
})

test('without a certificate of its own, or with one that the broker does not know, it is told to set one', async () => {
  const expected = fails('FN_CERTIFICATE_REFUSED', /AMQP_CERT_FILE/)
  await assert.rejects(publish(url, trust), expected)
  const env = { ...trust, AMQP_CERT_FILE: refused.cert, AMQP_KEY_FILE: refused.key }
  await assert.rejects(publish(url, env), expected)
})

test('a key that does not fit, or cannot be decrypted, is an error of the files', async () => {
  const expected = fails('FN_CERTIFICATE_UNUSABLE', /AMQP_KEY_FILE/)
  await assert.rejects(publish(url, { ...trust, ...shown, AMQP_KEY_FILE: refused.key }), expected)
  await assert.rejects(publish(url, { ...trust, ...shown, AMQP_KEY_PASSPHRASE: 'other' }), expected)
  const damaged = `${made.folder}/damaged.pem`
  writeFileSync(damaged, '-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n')
  await assert.rejects(publish(url, { ...trust, ...shown, AMQP_CERT_FILE: damaged }), expected)
})

test('without any user the certificate is the login, and a user of its name is needed', async () => {
  const address = `amqps://localhost:${port}`
  const expected = fails('FN_LOGIN_REFUSED', /certificate of AMQP_CERT_FILE.*rabbitmq_auth_mechanism_ssl/)
  await assert.rejects(publish(address, { ...trust, ...shown }), expected)
  const manage = (path: string, body: unknown) => askManagement(own.managementUrl, { method: 'PUT', path, body })
  await manage('users/by-certificate', { password_hash: '', tags: '' })
  await manage('permissions/%2F/by-certificate', { configure: '.*', write: '.*', read: '.*' })
  await publish(address, { ...trust, ...shown })
})
