import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openVhost } from '../../support/broker.ts'
import { ready } from '../../support/queues.ts'
import { kedafn } from '../support/kedafn.ts'
import { bury, empty, idsOf, numbered, traceparent } from './support.ts'

const vhost = await openVhost('cli-dlq-list')
const env = { AMQP_URL: vhost.url }
after(() => vhost.dispose())

const hour = 3_600_000

test('list groups by code, the largest group first, and leaves every message in its place', async (t) => {
  await bury(vhost.url, [
    { id: 'f:1', cause: 'connect ECONNREFUSED 10.0.0.1:443', ageMs: 3 * hour },
    { id: 'f:2', code: 'FN_DROPPED', cause: 'no sense', ageMs: 2 * hour },
    { id: 'f:3', cause: 'connect ECONNREFUSED 10.0.0.2:443', ageMs: hour },
    { id: 'f:4', cause: 'no disk', ageMs: hour, headers: { 'kedafn-redrives': 2 } },
  ])
  const { code, stdout, stderr } = await kedafn(t, ['dlq', 'list', 'logs'], { env })
  assert.deepEqual([code, stderr], [0, ''])
  assert.equal(
    stdout.replaceAll(/ +/g, ' '),
    `logs.dead: 4 messages

CODE MESSAGES OLDEST NEWEST REDRIVEN EXAMPLE CAUSE
FN_ATTEMPTS_EXHAUSTED 3 3 h 0 min 1 h 0 min 1 f:1 connect ECONNREFUSED #.#.#.#:# (and 1 more)
FN_DROPPED 1 2 h 0 min 2 h 0 min 0 f:2 no sense
`,
  )
  const filtered = await kedafn(t, ['dlq', 'list', 'logs.dead', '--json', '--newer-than', '1h30m'], { env })
  const { groups, ...summary } = JSON.parse(filtered.stdout)
  assert.deepEqual(summary, { queue: 'logs.dead', messages: 4, lookedAt: 4, fitting: 2 })
  assert.deepEqual(
    groups.map((group: Record<string, unknown>) => [group.code, group.messages, group.redriven, group.example]),
    [['FN_ATTEMPTS_EXHAUSTED', 2, 1, 'f:3']],
  )
  assert.deepEqual(idsOf(await empty(vhost.url, 'logs.dead')), ['f:1', 'f:2', 'f:3', 'f:4'])
})

test('what thousands of messages are looked at again and again for keeps their order', async (t) => {
  const letters = numbered(3000)
  await bury(vhost.url, letters)
  for (const limit of ['3000', '1000', '40']) {
    const { stdout } = await kedafn(t, ['dlq', 'list', 'logs', '--json', '--limit', limit], { env })
    assert.deepEqual(JSON.parse(stdout).lookedAt, Number(limit))
  }
  assert.deepEqual(
    idsOf(await empty(vhost.url, 'logs.dead')),
    letters.map(({ id }) => id),
  )
})

test('show tells all of a message: payload, headers, attempts, failures, trace, what was done about it', async (t) => {
  await bury(vhost.url, [
    { id: 'f:1' },
    {
      id: 'f:2',
      body: '{"level":"error","n":1}',
      code: 'FN_DROPPED',
      cause: 'no sense',
      properties: { contentType: 'application/json', timestamp: 1_700_000_000 },
      headers: {
        tenant: 'mine',
        'kedafn-redrives': 1,
        'kedafn-redriven': [{ at: '2026-01-01T00:00:00.000Z', code: 'FN_TOO_OLD', cause: 'no net', failed: 3 }],
      },
    },
  ])
  const { code, stdout } = await kedafn(t, ['dlq', 'show', 'logs', 'f:2'], { env })
  assert.equal(code, 0)
  for (const line of [
    /^id +f:2$/m,
    /^code +FN_DROPPED$/m,
    /^cause +no sense$/m,
    /^attempts +5$/m,
    /^first failure +\S+Z, 2 min \d+ s ago$/m,
    /^published +2023-11-14T22:13:20\.000Z, /m,
    /^trace id +a{32}$/m,
    /^redrives +1$/m,
    /^ {2}2026-01-01T00:00:00\.000Z had died of FN_TOO_OLD after 3 attempts: no net$/m,
    /^header tenant +mine$/m,
    /^payload, 23 bytes, application\/json\n\{\n {2}"level": "error",\n {2}"n": 1\n\}\n$/m,
  ]) {
    assert.match(stdout, line)
  }
  const hex = await kedafn(t, ['dlq', 'show', 'logs', '--first', '2', '--payload', 'hex', '--max-bytes', '3'], { env })
  assert.match(hex.stdout, /^00000000 {2}66 3a 31 .* f:1\n\nid +f:2\n/m)
  assert.match(hex.stdout, /^00000000 {2}7b 22 6c .* \{"l\n\(20 bytes more; --max-bytes 23 shows all\)\n$/m)
  const json = await kedafn(t, ['dlq', 'show', 'logs', '--code', 'fn_dropped', '--json'], { env })
  const [document, ...others] = JSON.parse(json.stdout)
  assert.deepEqual(others, [])
  assert.deepEqual(document.payload, { text: '{"level":"error","n":1}' })
  assert.equal(document.headers.traceparent, traceparent)
  const missing = await kedafn(t, ['dlq', 'show', 'logs', 'f:3'], { env })
  assert.deepEqual([missing.code, missing.stdout], [1, ''])
  assert.match(missing.stderr, /^no message with the id 'f:3' among the 2 of logs\.dead\n/)
  assert.deepEqual(idsOf(await empty(vhost.url, 'logs.dead')), ['f:1', 'f:2'])
})

test('hostile messages reach neither the terminal nor break the command', async (t) => {
  const deep = '['.repeat(200_000) + ']'.repeat(200_000)
  await bury(vhost.url, [
    { id: 'f:\x1b]0;owned\x07', body: 'a\x1b[2Jb\u202ec\x9b31m\n', cause: '\x1b[31mred', code: 'FN_\x1b[1mX' },
    { id: 'f:large', body: Buffer.alloc(10 * 1024 * 1024, 'x') },
    { id: 'f:binary', body: Buffer.from([0xff, 0xfe, 0x00, 0x1b, 0x5b, 0x41]) },
    { id: 'f:deep', body: deep },
    {
      id: 'f:odd',
      headers: {
        'kedafn-failed-attempts': 'x',
        'kedafn-last-failure': 7,
        'x-death': [null],
        bytes: Buffer.from([0, 1]),
        none: null,
      },
    },
  ])
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not come
  const control = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/
  for (const args of [
    ['list', 'logs'],
    ['show', 'logs', '--first', '5'],
    ['show', 'logs', '--first', '5', '--payload', 'json', '--max-bytes', '1000000'],
    ['show', 'logs', '--first', '5', '--json'],
    ['redrive', 'logs', '--dry-run'],
  ]) {
    const { code, stdout, stderr } = await kedafn(t, ['dlq', ...args], { env })
    assert.deepEqual([code, stderr], [0, ''], args.join(' '))
    assert.doesNotMatch(stdout, control)
    if (args.includes('--json')) {
      const documents = JSON.parse(stdout)
      assert.equal(documents[0].payload.text, 'a\x1b[2Jb\u202ec\x9b31m\n')
      assert.equal(documents[1].payload.text.length, 10 * 1024 * 1024)
      assert.equal(documents[2].payload.base64, '//4AG1tB')
      assert.equal(documents[3].payload.text, deep)
      assert.deepEqual(documents[4].headers.bytes, { '!': 'bytes', value: 'AAE=' })
    } else if (args.length === 4) {
      assert.match(stdout, /^a\\x1b\[2Jb\\u\{202e\}c\\x9b31m$/m)
      assert.match(stdout, /\(10,481,664 bytes more; --max-bytes 10485760 shows all\)/)
      assert.match(stdout, /^00000000 {2}ff fe 00 1b 5b 41 /m)
    }
  }
  assert.equal((await empty(vhost.url, 'logs.dead')).length, 5)
})

test('what the broker gave up has its reason for a code, and what nobody gave up is unknown', async (t) => {
  const death = { reason: 'delivery_limit', queue: 'logs', count: 1, exchange: '', 'routing-keys': ['logs'] }
  await bury(vhost.url, [
    {
      id: 'f:1',
      isBare: true,
      headers: { 'x-death': [{ ...death, time: { '!': 'timestamp', value: 1_700_000_000 } }] },
    },
    { id: 'f:2', isBare: true },
  ])
  const { stdout } = await kedafn(t, ['dlq', 'list', 'logs', '--json'], { env })
  assert.deepEqual(
    JSON.parse(stdout).groups.map((group: Record<string, unknown>) => [group.code, group.oldest, group.example]),
    [
      ['broker:delivery_limit', '2023-11-14T22:13:20.000Z', 'f:1'],
      ['unknown', null, 'f:2'],
    ],
  )
  await empty(vhost.url, 'logs.dead')
})

test('a queue without dead letters has none, and a queue that is not there is said to be missing', async (t) => {
  const nothing = await kedafn(t, ['dlq', 'list', 'logs'], { env })
  assert.deepEqual([nothing.code, nothing.stdout], [0, 'logs.dead: 0 messages\n'])
  assert.equal(await ready(vhost.url, 'logs.dead'), 0)
  const missing = await kedafn(t, ['dlq', 'list', 'lgos'], { env })
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /^FN_TOPOLOGY_MISSING there is no queue 'lgos\.dead' /)
  const wrong = await kedafn(t, ['dlq', 'list', 'logs', '--older-than', 'yesterday'], { env })
  assert.equal(wrong.code, 2)
  assert.match(wrong.stderr, /^--older-than is 'yesterday'; expected a number and a unit, such as 90s/)
})
