import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { AlertOptions } from '../../functions/log-alerts/alerts.ts'
import logAlerts from '../../functions/log-alerts/function.ts'
import { checkSpec, readConfig } from '../../runtime/core/config.ts'
import { describe } from '../../runtime/core/errors.ts'
import type { Context, Delivery, Outcome } from '../../runtime/index.ts'
import { type Posted, WebhookServer } from './webhook-server.ts'

type Env = Context['env']

const trouble = '2026-11-24T10:00:01Z ERROR disk full'

const deliveryOf = (body: string, id = 'file:0'): Delivery<string> => {
  return { id, body, bytes: Buffer.from(body), attempt: 1, redelivered: false, headers: {} }
}

/** The context that the runtime would give, with the defaults of the spec. */
function contextOf(env: Env, signal: AbortSignal): Context<NonNullable<typeof logAlerts.env>> {
  const values = readConfig('log-alerts', checkSpec('log-alerts', logAlerts), env).env
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  return { signal, log, env: values as unknown as AlertOptions }
}

/** Handles one delivery. @returns what failed: nothing, or its outcome */
async function handle(
  env: Env,
  delivery = deliveryOf(trouble),
  signal = new AbortController().signal,
): Promise<Outcome | undefined> {
  const context = contextOf(env, signal)
  assert.ok(logAlerts.setup)
  const outcomes = await logAlerts.handle([delivery], context, await logAlerts.setup(context))
  return outcomes?.[0]
}

/** Handles a line that is posted to a webhook which answers with `status`. */
async function answered(t: TestContext, status: number, headers: Record<string, string> = {}) {
  const webhook = await WebhookServer.open(t)
  webhook.answer = (response) => response.writeHead(status, headers).end('some words')
  const outcome = await handle({ ALERT_URL: webhook.url })
  assert.equal(webhook.posted.length, 1)
  return outcome
}

const causeOf = (outcome: Outcome | undefined): string => describe(outcome?.cause)

test('its queue is its own, on the exchange of logs, and 50 alerts are posted at once', () => {
  const config = readConfig('log-alerts', checkSpec('log-alerts', logAlerts), { ALERT_URL: 'http://127.0.0.1/' })
  assert.ok(config.kind === 'consumer')
  const { queue, exchange, concurrency, batchSize } = config
  assert.deepEqual(
    { queue, exchange, concurrency, batchSize },
    { queue: 'log-alerts', exchange: 'logs', concurrency: 50, batchSize: 1 },
  )
})

test('a line that matches is posted as JSON with its id, and the id is the idempotency key', async (t) => {
  const webhook = await WebhookServer.open(t)
  const line = 'FATAL "quotes", \\, ünïcode and \udc80'
  assert.equal(await handle({ ALERT_URL: webhook.url }, deliveryOf(line, '5c1f:1024')), undefined)
  const [{ method, headers, body }] = webhook.posted as [Posted]
  assert.equal(method, 'POST')
  assert.equal(headers['content-type'], 'application/json')
  assert.equal(headers['idempotency-key'], '5c1f:1024')
  assert.deepEqual(JSON.parse(body), { id: '5c1f:1024', line })
})

test('an id that a header cannot carry is percent-encoded, and a message without id has no key', async (t) => {
  const webhook = await WebhookServer.open(t)
  for (const id of ['zähler 7\n', ''])
    assert.equal(await handle({ ALERT_URL: webhook.url }, deliveryOf(trouble, id)), undefined)
  const keys = webhook.posted.map(({ headers }) => headers['idempotency-key'])
  assert.deepEqual(keys, ['z%C3%A4hler%207%0A', undefined])
})

test('a line that does not match is done without a request', async (t) => {
  const webhook = await WebhookServer.open(t)
  for (const line of ['INFO all is well', 'TERRORS and ERRORS', '']) {
    assert.equal(await handle({ ALERT_URL: webhook.url }, deliveryOf(line)), undefined)
  }
  assert.equal(await handle({ ALERT_URL: webhook.url, ALERT_PATTERN: '^disk' }), undefined)
  assert.deepEqual(webhook.posted, [])
})

test('the pattern can be set', async (t) => {
  const webhook = await WebhookServer.open(t)
  assert.equal(await handle({ ALERT_URL: webhook.url, ALERT_PATTERN: 'disk (full|gone)$' }), undefined)
  assert.equal(webhook.posted.length, 1)
})

for (const status of [200, 201, 202, 204]) {
  test(`an answer ${status} settles the line`, async (t) => assert.equal(await answered(t, status), undefined))
}

for (const status of [400, 401, 404, 410, 422]) {
  test(`an answer ${status} drops the line with its cause`, async (t) => {
    const outcome = await answered(t, status)
    assert.equal(outcome?.verdict, 'drop')
    assert.equal(causeOf(outcome), `the webhook answered ${status}`)
  })
}

for (const status of [429, 500, 502, 503]) {
  test(`after an answer ${status} the line is tried again`, async (t) => {
    const outcome = await answered(t, status)
    assert.equal(outcome?.verdict, 'retry')
    assert.equal(causeOf(outcome), `the webhook answered ${status}`)
  })
}

test('a redirect is not followed: the line is tried again', async (t) => {
  const other = await WebhookServer.open(t)
  const outcome = await answered(t, 302, { location: other.url })
  assert.equal(outcome?.verdict, 'retry')
  assert.equal(causeOf(outcome), 'the webhook answered 302')
  assert.deepEqual(other.posted, [])
})

test('when nobody listens the line is tried again, and the cause says so', async (t) => {
  const webhook = await WebhookServer.open(t)
  const { url } = webhook
  await webhook.close()
  const outcome = await handle({ ALERT_URL: url })
  assert.equal(outcome?.verdict, 'retry')
  assert.equal(causeOf(outcome), 'the webhook cannot be reached: ECONNREFUSED')
})

test('when the connection is cut before an answer the line is tried again', async (t) => {
  const webhook = await WebhookServer.open(t)
  webhook.answer = (response) => response.destroy()
  const outcome = await handle({ ALERT_URL: webhook.url })
  assert.equal(outcome?.verdict, 'retry')
  assert.match(causeOf(outcome), /^the webhook cannot be reached: /)
})

test('a webhook that does not answer in time is given up, and the line is tried again', async (t) => {
  const webhook = await WebhookServer.open(t)
  webhook.answer = () => {}
  const outcome = await handle({ ALERT_URL: webhook.url, ALERT_TIMEOUT_MS: '50' })
  assert.equal(outcome?.verdict, 'retry')
  assert.equal(causeOf(outcome), 'the webhook did not answer within 50 ms (ALERT_TIMEOUT_MS)')
})

test('a request under way ends when the signal fires, with the reason of the signal', async (t) => {
  const webhook = await WebhookServer.open(t)
  const drain = new AbortController()
  const reason = new Error('the drain deadline nears')
  webhook.answer = () => drain.abort(reason)
  const outcome = await handle({ ALERT_URL: webhook.url, ALERT_TIMEOUT_MS: '60000' }, deliveryOf(trouble), drain.signal)
  assert.equal(outcome?.verdict, 'retry')
  assert.equal(outcome?.cause, reason)
})

test('once the status is there the line is settled, even if the connection is cut in the middle of the body', async (t) => {
  const webhook = await WebhookServer.open(t)
  webhook.answer = (response) => response.writeHead(200).write('and so', () => response.destroy())
  assert.equal(await handle({ ALERT_URL: webhook.url }), undefined)
})

test('connections are used again', async (t) => {
  const webhook = await WebhookServer.open(t)
  webhook.answer = (response) => response.writeHead(200).end('x'.repeat(100_000))
  for (let alert = 0; alert < 20; alert++) assert.equal(await handle({ ALERT_URL: webhook.url }), undefined)
  // One may not be free yet when the next alert comes; without re-use there are 20.
  assert.ok(webhook.connections < 10, `${webhook.connections} connections`)
})

test('user and password of the address are sent as a header', async (t) => {
  const webhook = await WebhookServer.open(t)
  assert.equal(await handle({ ALERT_URL: `http://me:p%40ss@${webhook.host}/` }), undefined)
  const [{ headers }] = webhook.posted as [Posted]
  assert.equal(headers.authorization, `Basic ${Buffer.from('me:p@ss').toString('base64')}`)
})

const url = 'http://127.0.0.1/'
const refused: Record<string, { env: Env; expected: RegExp }> = {
  'no address': { env: {}, expected: /env\.ALERT_URL \(ALERT_URL\) is missing; expected the http or https address/ },
  'an address that is none': {
    env: { ALERT_URL: 'hooks/secret' },
    expected: /^ALERT_URL is \*\*\*; expected an http or https address/,
  },
  'another scheme': { env: { ALERT_URL: 'ftp://host/secret' }, expected: /^ALERT_URL is \*\*\*; / },
  'a password that is not encoded': {
    env: { ALERT_URL: 'http://me:%zz-secret@host/' },
    expected: /^ALERT_URL is \*\*\*; /,
  },
  'no pattern': {
    env: { ALERT_URL: url, ALERT_PATTERN: '(' },
    expected: /^ALERT_PATTERN is "\("; expected a regular expression/,
  },
  'a timeout with a unit': {
    env: { ALERT_URL: url, ALERT_TIMEOUT_MS: '5s' },
    expected: /^ALERT_TIMEOUT_MS is "5s"; expected a whole number from 1 to 60000/,
  },
  'no timeout at all': { env: { ALERT_URL: url, ALERT_TIMEOUT_MS: '0' }, expected: /^ALERT_TIMEOUT_MS is "0"; / },
  'a timeout of an hour': {
    env: { ALERT_URL: url, ALERT_TIMEOUT_MS: '3600000' },
    expected: /^ALERT_TIMEOUT_MS is "3600000"; /,
  },
}
for (const [what, { env, expected }] of Object.entries(refused)) {
  test(`${what} is refused before any line is taken, by name and without secrets`, async () => {
    await assert.rejects(handle(env), (error: Error) => {
      assert.match(error.message, expected)
      assert.doesNotMatch(error.message, /secret/)
      return true
    })
  })
}
