import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FnError } from '../../runtime/core/errors.ts'
import { adviceOn, fatalError, type Stage } from '../../runtime/rabbitmq/failures.ts'

const address = { tls: false, hostname: 'broker', port: 5672, username: 'me', password: 'secret', vhost: 'v' }
const reply = (code: number, words: string): Error => Object.assign(new Error(words), { code })
const codeOf = (cause: unknown, stage: Stage, vhostRefused = false) =>
  fatalError(cause, stage, address, vhostRefused)?.code ?? null

const passes: Record<string, [unknown, Stage]> = {
  'a refused connection': [Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }), 'connecting'],
  'a name that is not known': [
    Object.assign(new Error('getaddrinfo ENOTFOUND b'), { code: 'ENOTFOUND' }),
    'connecting',
  ],
  'a handshake that breaks off': [new Error('Socket closed abruptly during opening handshake'), 'connecting'],
  'a broker that shuts down': [reply(320, 'Connection closed: 320 (CONNECTION_FORCED)'), 'open'],
  'a broker that still starts': [
    reply(404, "NOT_FOUND - home node 'rabbit@b' of durable queue 'q' is down"),
    'opening',
  ],
  'a queue that vanished at work': [reply(404, "NOT_FOUND - no queue 'q' in vhost 'v'"), 'open'],
  'a consumer that took too long': [reply(406, 'PRECONDITION_FAILED - delivery acknowledgement timed out'), 'open'],
  'a nack': [new Error('message nacked'), 'open'],
  'a heartbeat that is missing': [new Error('Heartbeat timeout'), 'open'],
  'no cause at all': [undefined, 'open'],
}
for (const [what, [cause, stage]] of Object.entries(passes)) {
  test(`${what} passes`, () => assert.equal(codeOf(cause, stage), null))
}

const stays: Record<string, [unknown, Stage, string]> = {
  'a refused login': [
    new Error('Handshake terminated by server: 403 (ACCESS-REFUSED)'),
    'connecting',
    'FN_LOGIN_REFUSED',
  ],
  'a queue that is missing at the start': [
    reply(404, "NOT_FOUND - no queue 'q' in vhost 'v'"),
    'opening',
    'FN_TOPOLOGY_MISSING',
  ],
  'an exchange that is missing at the start': [
    reply(404, "NOT_FOUND - no exchange 'e' in vhost 'v'"),
    'opening',
    'FN_TOPOLOGY_MISSING',
  ],
  'other arguments': [
    reply(406, "PRECONDITION_FAILED - inequivalent arg 'x-max-age'"),
    'opening',
    'FN_TOPOLOGY_MISMATCH',
  ],
  'a permission refused while opening': [reply(403, 'ACCESS_REFUSED'), 'opening', 'FN_PERMISSION_REFUSED'],
  'a permission refused at work': [reply(403, 'ACCESS_REFUSED'), 'open', 'FN_PERMISSION_REFUSED'],
  'an error that has a code already': [
    new FnError('FN_MESSAGE_UNSENDABLE', 'headers'),
    'open',
    'FN_MESSAGE_UNSENDABLE',
  ],
}
for (const [what, [cause, stage, code]] of Object.entries(stays)) {
  test(`${what} is for a person to mend: ${code}`, () => assert.equal(codeOf(cause, stage), code))
}

test('a vhost is refused for good only after several times', () => {
  const cause = new Error('Expected ConnectionOpenOk; got <ConnectionClose channel:0>')
  assert.equal(codeOf(cause, 'connecting'), null)
  assert.equal(codeOf(cause, 'connecting', true), 'FN_VHOST_REFUSED')
})

test('no message shows the password', () => {
  for (const [cause, stage] of Object.values(stays)) {
    assert.doesNotMatch(String(fatalError(cause, stage, address, true)?.message), /secret/)
  }
})

test('what passes by itself, but may not, comes with advice', () => {
  const homeNode = reply(
    404,
    "NOT_FOUND - home node 'rabbit@b' of durable queue 'q' in vhost 'v' is down or inaccessible",
  )
  assert.match(String(adviceOn(homeNode)), /start it, or delete the queue/)
  const tooSlow = reply(
    406,
    'PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out. Timeout value used: 6 ms',
  )
  assert.match(String(adviceOn(tooSlow)), /consumer_timeout/)
  for (const code of ['ENOTFOUND', 'EAI_AGAIN']) {
    const unknown = Object.assign(new Error(`getaddrinfo ${code} rabbit.example`), { code })
    assert.match(String(adviceOn(unknown)), /'rabbit\.example': check the host in AMQP_URL/)
    assert.equal(codeOf(unknown, 'connecting'), null)
  }
  assert.equal(adviceOn(new Error('connect ECONNREFUSED 127.0.0.1:5672')), null)
  assert.equal(adviceOn(undefined), null)
})
