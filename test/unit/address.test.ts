import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAddress, redactUrl } from '../../runtime/core/address.ts'

const guest = { tls: false, hostname: 'broker', port: 5672, username: 'guest', password: 'guest', vhost: '/' }

for (const [address, expected] of [
  ['amqp://broker', {}],
  ['amqp://broker/', {}],
  ['amqp://broker//', {}],
  ['amqp://broker/%2F', {}],
  [' amqp://broker\n', {}],
  ['AMQP://broker', {}],
  ['amqps://broker', { tls: true, port: 5671 }],
  ['amqps://broker:443', { tls: true, port: 443 }],
  ['amqp://broker:5673/logs', { port: 5673, vhost: 'logs' }],
  ['amqp://broker:/logs', { vhost: 'logs' }],
  ['amqp://u:p@broker', { username: 'u', password: 'p' }],
  ['amqp://u@broker', { username: 'u', password: '' }],
  ['amqp://u:@broker', { username: 'u', password: '' }],
  ['amqp://:p@broker', { username: '', password: 'p' }],
  ['amqp://u%40x:p%2F%23%3F%25%3A@broker', { username: 'u@x', password: 'p/#?%:' }],
  ['amqp://u:p:q@r@broker', { username: 'u', password: 'p:q@r' }],
  ['amqp://%C3%BC:%C3%A9@broker', { username: 'ü', password: 'é' }],
  ['amqp://broker/a%20b%2Fc', { vhost: 'a b/c' }],
  ['amqp://broker/a b/c', { vhost: 'a b/c' }],
  ['amqp://broker/%E2%82%AC%40%3F%23', { vhost: '€@?#' }],
  ['amqp://[::1]', { hostname: '::1' }],
  [
    'amqps://u:p@[2001:db8::7]:1/v',
    { tls: true, hostname: '2001:db8::7', port: 1, username: 'u', password: 'p', vhost: 'v' },
  ],
  ['amqp://127.0.0.1:65535', { hostname: '127.0.0.1', port: 65_535 }],
] as const) {
  test(`the address ${JSON.stringify(address)} is understood`, () => {
    assert.deepEqual(parseAddress(address), { ...guest, ...expected })
  })
}

for (const address of [
  '',
  'broker',
  'broker:5672',
  'u:p@broker',
  '//broker',
  'amqp:broker',
  'amqp:',
  'amqp://',
  'amqp:///logs',
  'amqp://u:p@',
  'amqp://u:p@/logs',
  'amqp://u:p@:5672',
  'http://broker',
  'amqp+tls://broker',
  'amqp://broker:0',
  'amqp://broker:65536',
  'amqp://broker:port',
  'amqp://::1',
  'amqp://[::1',
  'amqp://bro ker',
  'amqp://u:%zz@broker',
  'amqp://u:100%@broker',
  'amqp://broker/%ff',
  'amqp://broker?heartbeat=5',
  'amqp://broker/logs#x',
  'amqp://u:12#34@broker',
  'amqp://u:12?34@broker',
  'amqp://u:12/34@broker',
  'amqp://u:p\nq@broker',
]) {
  test(`the address ${JSON.stringify(address)} is refused`, () => assert.throws(() => parseAddress(address)))
}

test('a password with any character is either understood as it was meant or refused', () => {
  for (const half of ['hush', '7351']) {
    for (let code = 0; code < 0x180; code++) {
      const password = `${half}${String.fromCharCode(code)}${half}`
      // Percent-encoding is the one thing that cannot be told from a mistake.
      if (/%[0-9a-f]{2}/i.test(password)) continue
      const address = `amqp://user:${password}@broker:5673/logs`
      let understood: unknown
      try {
        understood = parseAddress(address)
      } catch {
        continue
      }
      const expected = { tls: false, hostname: 'broker', port: 5673, username: 'user', password, vhost: 'logs' }
      assert.deepEqual(understood, expected, `character ${code}`)
    }
  }
})

test('any user, password and vhost gets through when it is percent-encoded', () => {
  for (let code = 0; code < 0x180; code++) {
    const value = `a${String.fromCharCode(code)}b`
    const encoded = encodeURIComponent(value)
    const { username, password, vhost } = parseAddress(`amqp://${encoded}:${encoded}@broker/${encoded}`)
    assert.deepEqual([username, password, vhost], [value, value, value], `character ${code}`)
  }
})

for (const [seen, shown] of [
  ['amqp://broker:5673/logs', 'amqp://broker:5673'],
  ['amqp://user:hush@broker:5673/logs', 'amqp://user:***@broker:5673'],
  ['amqp://user:hush@[::1]', 'amqp://user:***@[::1]'],
  ['http://user:hush@broker', 'http://user:***@broker'],
  ['amqp://:hush@broker', 'amqp://***'],
  ['amqp://u:12#34@broker', 'amqp://***'],
  ['amqp://a@b:12#34@broker', 'amqp://***'],
  ['amqp://user:hush@broker?hush', 'amqp://***'],
  ['amqp://user:hush@', 'amqp://***'],
  ['hush', '***'],
  ['hush://user', '***'],
  ['user:hush@broker', '***'],
  ['', '***'],
] as const) {
  test(`of ${JSON.stringify(seen)} a person may read ${shown}`, () => assert.equal(redactUrl(seen), shown))
}
