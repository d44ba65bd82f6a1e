import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isAnonymous, redactUrl, splitAddresses } from '../../runtime/core/address.ts'
import { hasFiles, rereadBroker } from '../../runtime/core/broker-config.ts'

type Files = Readonly<Record<string, string>>
const read = (env: Record<string, string>, files: Files = {}) =>
  rereadBroker('fn', env, (path) => files[path] ?? assert.fail(`no ${path}`))

/** The problems that are found, without their dash. */
function problemsOf(env: Record<string, string>, files?: Files): string[] {
  try {
    read(env, files)
    return []
  } catch (error) {
    return (error as Error).message.split('\n  - ').slice(1)
  }
}

const pem = {
  '/ca': '-----BEGIN CERTIFICATE-----',
  '/cert': '-----BEGIN CERTIFICATE-----',
  '/key': '-----BEGIN PRIVATE KEY-----',
}
const certificate = { AMQP_CERT_FILE: '/cert', AMQP_KEY_FILE: '/key' }

test('several brokers are parted only where a scheme begins', () => {
  assert.deepEqual(splitAddresses('amqp://u:a,b@one, amqps://two,AMQP://three'), [
    'amqp://u:a,b@one',
    'amqps://two',
    'AMQP://three',
  ])
  const { addresses } = read({ AMQP_URL: 'amqp://u:a,b@one,amqp://two:5673/v' })
  assert.deepEqual(
    addresses.map(({ hostname, port, username, password, vhost }) => [hostname, port, username, password, vhost]),
    [
      ['one', 5672, 'u', 'a,b', '/'],
      ['two', 5673, 'guest', 'guest', 'v'],
    ],
  )
  assert.ok(isAnonymous('amqp://two') && !isAnonymous('amqp://u@two') && !isAnonymous('amqp://:p@two'))
})

test('user, password and vhost of their own variables are taken as they are, for every broker', () => {
  const env = { AMQP_USERNAME: 'a@b', AMQP_PASSWORD: '#/\\@%:%41', AMQP_VHOST: '/a b' }
  for (const { username, password, vhost } of read({ AMQP_URL: 'amqp://x:y@one/z,amqp://two', ...env }).addresses) {
    assert.deepEqual([username, password, vhost], ['a@b', '#/\\@%:%41', '/a b'])
  }
})

test('a user without a password, and a password without a user, is a problem', () => {
  const both = 'AMQP_USERNAME and AMQP_PASSWORD, or neither of them'
  assert.deepEqual(problemsOf({ AMQP_USERNAME: 'u' }), [`AMQP_PASSWORD is missing; expected ${both}`])
  assert.deepEqual(problemsOf({ AMQP_PASSWORD: 'hush' }), [`AMQP_USERNAME is missing; expected ${both}`])
})

test('each of them may stand in a file', () => {
  const env = { AMQP_URL_FILE: '/url', AMQP_USERNAME_FILE: '/user', AMQP_PASSWORD_FILE: '/password' }
  assert.ok(hasFiles(env) && hasFiles({ AMQP_CA_FILE: '/ca' }) && !hasFiles({ AMQP_URL: 'amqp://x' }))
  const { addresses } = read(env, { '/url': 'amqp://there\n', '/user': 'me\n', '/password': ' p\n' })
  assert.deepEqual(addresses[0], {
    tls: false,
    hostname: 'there',
    port: 5672,
    username: 'me',
    password: ' p',
    vhost: '/',
  })
  assert.match(
    problemsOf(env, { '/url': 'amqp://there', '/user': 'u' })[0] ?? '',
    /^AMQP_PASSWORD_FILE is "\/password"; expected a file/,
  )
  assert.equal(problemsOf(env, {}).length, 3)
  assert.deepEqual(read(env, { '/url': '', '/user': '', '/password': '' }).addresses[0]?.username, '')
})

test('certificate and key, and nothing of a login, is a login by certificate', () => {
  const env = { AMQP_CA_FILE: '/ca', ...certificate, AMQP_KEY_PASSPHRASE: 'hush', AMQP_TLS_SERVER_NAME: 'broker' }
  const { addresses, tls } = read({ AMQP_URL: 'amqps://there', ...env }, pem)
  assert.deepEqual(tls, {
    ca: pem['/ca'],
    cert: pem['/cert'],
    key: pem['/key'],
    passphrase: 'hush',
    serverName: 'broker',
  })
  assert.equal(addresses[0]?.external, true)
  assert.equal(read({ AMQP_URL: 'amqps://u:p@there', ...env }, pem).addresses[0]?.external, undefined)
  const login = { AMQP_USERNAME: 'u', AMQP_PASSWORD: 'p' }
  assert.equal(read({ AMQP_URL: 'amqps://there', ...env, ...login }, pem).addresses[0]?.external, undefined)
})

test('what cannot be used for TLS is a problem, and what would go unused too', () => {
  const secure = { AMQP_URL: 'amqps://there' }
  const both = 'AMQP_CERT_FILE and AMQP_KEY_FILE, or neither of them'
  assert.deepEqual(problemsOf({ ...secure, AMQP_CERT_FILE: '/cert' }, pem), [
    `AMQP_KEY_FILE is missing; expected ${both}`,
  ])
  assert.deepEqual(problemsOf({ ...secure, AMQP_KEY_FILE: '/key' }, pem), [
    `AMQP_CERT_FILE is missing; expected ${both}`,
  ])
  assert.deepEqual(problemsOf({ ...secure, AMQP_CA_FILE: '/ca' }, { '/ca': 'der' }), [
    'AMQP_CA_FILE is "/ca"; expected a file in PEM form (-----BEGIN …)',
  ])
  assert.match(
    problemsOf({ ...secure, AMQP_CA_FILE: '/none' })[0] ?? '',
    /^AMQP_CA_FILE is "\/none"; expected a file that can/,
  )
  assert.deepEqual(problemsOf({ AMQP_URL: 'amqp://there', AMQP_CA_FILE: '/ca', AMQP_TLS_SERVER_NAME: 'x' }, pem), [
    'AMQP_CA_FILE is "/ca"; expected amqps:// in AMQP_URL with it',
    'AMQP_TLS_SERVER_NAME is "x"; expected amqps:// in AMQP_URL with it',
  ])
  assert.deepEqual(problemsOf({ AMQP_URL: 'amqp://one,amqps://two' }), [
    'AMQP_URL is ***; expected amqps:// in all of its addresses, or in none',
  ])
  assert.equal(problemsOf({ AMQP_URL: 'broker', AMQP_TLS_SERVER_NAME: 'x' }).length, 1)
})

test('a login that AMQP cannot carry is refused', () => {
  assert.deepEqual(problemsOf({ AMQP_USERNAME: 'u', AMQP_PASSWORD: 'a\0hush' }), [
    'AMQP_USERNAME and AMQP_PASSWORD is ***; expected no character NUL',
  ])
  for (const [vhost, problems] of [
    ['x'.repeat(255), 0],
    ['x'.repeat(256), 1],
    ['é'.repeat(128), 1],
    ['€'.repeat(85), 0],
    ['😀'.repeat(64), 1],
  ] as const) {
    assert.equal(problemsOf({ AMQP_VHOST: vhost }).length, problems)
  }
})

const secret = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }).filter((text) => !text.includes('\0'))

test('any user, password and vhost comes through, encoded in the address or raw beside it', () => {
  fc.assert(
    fc.property(secret, secret, secret, (username, password, vhost) => {
      const expected = { tls: false, hostname: 'broker', port: 5672, username, password, vhost }
      const [u, p, v] = [username, password, vhost].map(encodeURIComponent)
      assert.deepEqual(read({ AMQP_URL: `amqp://${u}:${p}@broker/${v}` }).addresses, [expected])
      const raw = { AMQP_USERNAME: username, AMQP_PASSWORD: password, AMQP_VHOST: vhost }
      assert.deepEqual(read({ AMQP_URL: 'amqp://broker', ...raw }).addresses, [expected])
    }),
    { numRuns: 500 },
  )
})

test('no problem and no shown address ever holds a secret', () => {
  const marked = fc.tuple(secret, secret).map(([a, b]) => `${a}7351${b}`)
  fc.assert(
    fc.property(marked, fc.constantFrom('amqp', 'amqps', 'http'), (password, scheme) => {
      assert.ok(!redactUrl(`${scheme}://u:${encodeURIComponent(password)}@broker`).includes('7351'))
      assert.ok(!redactUrl(`${scheme}://u:${password}@broker`).includes('7351'))
      for (const env of [
        { AMQP_URL: `${scheme}://u:${password}@bro ker` },
        { AMQP_PASSWORD: password },
        { AMQP_USERNAME: 'u', AMQP_PASSWORD: `${password}\0`, AMQP_VHOST: 'x'.repeat(300) },
      ]) {
        const shown = problemsOf(env).join()
        assert.ok(shown !== '' && !shown.includes('7351'), shown)
      }
    }),
    { numRuns: 500 },
  )
})
