import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Guarded, secretsOf, withoutSecrets } from '../../runtime/core/redaction.ts'

const address = { tls: false, hostname: 'broker', port: 5672, vhost: '/', username: 'me', password: 'pass word' }

function guarded(
  changes: Partial<Guarded> & { readonly password?: string; readonly passphrase?: string } = {},
): Guarded {
  const { password = 'pass word', passphrase = null, ...rest } = changes
  const tls = { ca: null, cert: null, key: null, passphrase, serverName: null }
  return { broker: { addresses: [{ ...address, password }], tls }, declared: {}, env: {}, ...rest }
}

test('a password is hidden as it is and as an address has it', () => {
  const secrets = secretsOf(guarded())
  assert.equal(withoutSecrets('amqp://me:pass%20word@broker says pass word', secrets), 'amqp://me:***@broker says ***')
})

test('the passphrase of a key and variables that are declared secret are hidden, others are not', () => {
  const declared = { TOKEN: { secret: true }, PLACE: {}, ABSENT: { secret: true } }
  const secrets = secretsOf(guarded({ passphrase: 'sesame', declared, env: { TOKEN: 't0ken', PLACE: 'here' } }))
  assert.equal(withoutSecrets('sesame t0ken here', secrets), '*** *** here')
})

test('of two secrets of which one begins the other nothing is left', () => {
  const declared = { TOKEN: { secret: true } }
  const secrets = secretsOf(guarded({ password: 'abcd', declared, env: { TOKEN: 'abcd-efgh' } }))
  assert.equal(withoutSecrets('abcd-efgh abcd', secrets), '*** ***')
})

test('what is short, or known as a name, is no secret; half a character is none to fail of', () => {
  assert.deepEqual(secretsOf(guarded({ password: 'abc' })), [])
  assert.deepEqual(secretsOf(guarded({ password: 'me' })), [])
  assert.equal(withoutSecrets('x \ud800abc', secretsOf(guarded({ password: '\ud800abc' }))), 'x ***')
})
