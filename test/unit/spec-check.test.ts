import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FnError } from '../../runtime/core/errors.ts'
import { checkSpec, consumerNumbers } from '../../runtime/core/spec-check.ts'
import { bytes, each, json, text } from '../../runtime/index.ts'

const handle = () => {}
const consumer = { queue: 'logs', handle }
const producer = { queue: 'logs', source: { kind: 'lines', path: 'input.txt' }, map: () => null }

/** The problems that are found, without their dash. */
function problemsOf(exported: unknown): string[] {
  try {
    checkSpec('fn', exported)
  } catch (error) {
    assert.ok(error instanceof FnError, `${error}`)
    assert.equal(error.code, 'FN_SPEC_INVALID')
    const [first, ...lines] = error.message.split('\n')
    assert.equal(first, 'the function spec cannot be satisfied: fn')
    return lines.map((line) => line.replace('  - ', ''))
  }
  return []
}

for (const [what, spec] of [
  ['the smallest consumer', consumer],
  ['the smallest producer', producer],
  [
    'a consumer with everything',
    {
      ...consumer,
      exchange: 'a.b_C-9',
      decode: text,
      batch: { size: 10_000, maxWaitMs: 60_000 },
      concurrency: 3,
      scale: { min: 1000, max: 1000, messagesPerReplica: 1_000_000 },
      retry: { attempts: 100, firstDelayMs: 10, maxDelayMs: 86_400_000 },
      env: { A_1: {}, _B: { default: 'x', oneOf: ['x'], secret: true, description: 'why' }, C: { default: '' } },
      setup: () => 1,
    },
  ],
  ['a producer with everything', { ...producer, exchange: 'q'.repeat(200), encode: json, env: {} }],
  ['a one-message handler', { ...consumer, handle: each(handle) }],
  ['a decode that is a function', { ...consumer, decode: () => 1 }],
  ['an encode that is a function', { ...producer, encode: () => new Uint8Array() }],
  ['bytes', { ...producer, encode: bytes }],
  ['equal delays', { ...consumer, retry: { firstDelayMs: 10, maxDelayMs: 10 } }],
  ['as many deliveries at once as the protocol can count', { ...consumer, batch: { size: 4681 }, concurrency: 7 }],
  ['empty groups', { ...consumer, batch: {}, scale: {}, retry: {} }],
  ['options given as undefined', { ...consumer, batch: undefined, concurrency: undefined, env: undefined }],
] as const) {
  test(`a spec with ${what} passes, and is returned as it is`, () => {
    assert.equal(checkSpec('fn', spec), spec)
  })
}

const consumerKeys =
  'queue, exchange, decode, batch, concurrency, timeoutMs, order, scale, retry, linesPerMessage, env, setup, handle'
const producerKeys = 'source, queue, exchange, encode, linesPerMessage, env, map'
const nameRule = '1 to 200 of A-Z a-z 0-9 . _ -, not beginning with amq.'
const codecRule = 'a codec (text, json, bytes) or a function'

for (const [spec, ...problems] of [
  [undefined, 'the default export is missing; expected what defineConsumer() or defineProducer() returns'],
  [null, 'the default export is null; expected what defineConsumer() or defineProducer() returns'],
  [handle, 'the default export is a function; expected what defineConsumer() or defineProducer() returns'],
  [[consumer], 'the default export is [{"queue":"logs"}]; expected what defineConsumer() or defineProducer() returns'],
  [{}, `queue is missing; expected ${nameRule}`, 'handle is missing; expected a function'],
  [{ ...consumer, qeue: 'x' }, `qeue ("x") is no option; known here: ${consumerKeys}`],
  [{ ...consumer, queue: '' }, `queue is ""; expected ${nameRule}`],
  [{ ...consumer, queue: 'a b' }, `queue is "a b"; expected ${nameRule}`],
  [{ ...consumer, queue: 'a\n' }, `queue is "a\\n"; expected ${nameRule}`],
  [{ ...consumer, queue: 'amq.logs' }, `queue is "amq.logs"; expected ${nameRule}`],
  [{ ...consumer, queue: 5 }, `queue is 5; expected ${nameRule}`],
  [{ ...consumer, exchange: 'q'.repeat(201) }, `exchange is "${'q'.repeat(99)}…; expected ${nameRule}`],
  [{ ...consumer, exchange: null }, `exchange is null; expected ${nameRule}`],
  [{ ...consumer, handle: 'handle' }, 'handle is "handle"; expected a function'],
  [{ ...consumer, setup: {} }, 'setup is {}; expected a function'],
  [{ ...consumer, decode: 'text' }, `decode is "text"; expected ${codecRule}`],
  [{ ...consumer, decode: { encode: handle } }, `decode is {}; expected ${codecRule}`],
  [{ ...producer, encode: null }, `encode is null; expected ${codecRule}`],
  [{ ...consumer, batch: 5 }, 'batch is 5; expected an object of size, maxWaitMs'],
  [{ ...consumer, scale: null }, 'scale is null; expected an object of min, max, messagesPerReplica'],
  [{ ...consumer, order: 'key' }, `order is "key"; expected 'queue' or { key: (delivery) => string }`],
  [
    { ...consumer, order: { key: 'user' } },
    `order is {"key":"user"}; expected 'queue' or { key: (delivery) => string }`,
  ],
  [{ ...consumer, order: { key: () => 'x', keys: 1 } }, 'order.keys (1) is no option; known here: key'],
  [{ ...consumer, retry: [] }, 'retry is []; expected an object of attempts, firstDelayMs, maxDelayMs, maxAgeMs'],
  [{ ...consumer, batch: { sise: 1 } }, 'batch.sise (1) is no option; known here: size, maxWaitMs'],
  [{ ...consumer, batch: { size: 0 } }, 'batch.size (KEDAFN_BATCH_SIZE) is 0; expected a whole number from 1 to 10000'],
  [
    { ...consumer, batch: { size: 1.5 } },
    'batch.size (KEDAFN_BATCH_SIZE) is 1.5; expected a whole number from 1 to 10000',
  ],
  [
    { ...consumer, concurrency: '2' },
    'concurrency (KEDAFN_CONCURRENCY) is "2"; expected a whole number from 1 to 1000',
  ],
  [
    { ...consumer, concurrency: null },
    'concurrency (KEDAFN_CONCURRENCY) is null; expected a whole number from 1 to 1000',
  ],
  [{ ...consumer, scale: { min: 11 } }, 'scale.min is 11; expected at most scale.max, which is 10'],
  [{ ...consumer, scale: { min: 5, max: 1001 } }, 'scale.max is 1001; expected a whole number from 1 to 1000'],
  [
    { ...consumer, retry: { firstDelayMs: 60_001 } },
    'retry.firstDelayMs (KEDAFN_RETRY_FIRST_DELAY_MS) is 60001; ' +
      'expected at most retry.maxDelayMs (KEDAFN_RETRY_MAX_DELAY_MS), which is 60000',
  ],
  [
    { ...consumer, batch: { size: 10_000 }, concurrency: 4 },
    'batch.size (KEDAFN_BATCH_SIZE) times concurrency (KEDAFN_CONCURRENCY) is 40000; expected at most 32767',
  ],
  [
    { ...consumer, handle: each(handle), batch: { size: 4000 } },
    'batch.size (KEDAFN_BATCH_SIZE) times concurrency (KEDAFN_CONCURRENCY) is 40000; expected at most 32767',
  ],
  [
    { ...consumer, batch: { size: 1, maxWaitMs: 0 }, timeoutMs: 60_000, linesPerMessage: 29 },
    'linesPerMessage (KEDAFN_LINES_PER_MESSAGE) is 29; expected at most 28 with timeoutMs 60000: ' +
      'all of a message must be through before the broker loses patience',
  ],
  [{ ...consumer, env: ['A'] }, 'env is ["A"]; expected an object of variables'],
  [{ ...consumer, env: { 'my-var': {} } }, 'env.my-var is "my-var"; expected a name of A-Z 0-9 _'],
  [{ ...consumer, env: { A: 'x' } }, 'env.A is "x"; expected an object such as { default: "…" }'],
  [
    { ...consumer, env: { A: { defualt: 'x' } } },
    'env.A.defualt ("x") is no option; known here: default, secret, description, oneOf',
  ],
  [{ ...consumer, env: { A: { default: 5 } } }, 'env.A.default is 5; expected a string'],
  [{ ...consumer, env: { A: { default: 5, secret: true } } }, 'env.A.default is ***; expected a string'],
  [{ ...consumer, env: { A: { secret: 'yes' } } }, 'env.A.secret is "yes"; expected true or false'],
  [{ ...consumer, env: { A: { description: 5 } } }, 'env.A.description is 5; expected a string'],
  [{ ...consumer, env: { A: { oneOf: 'x' } } }, 'env.A.oneOf is "x"; expected a list of strings'],
  [{ ...consumer, env: { A: { oneOf: [] } } }, 'env.A.oneOf is []; expected a list of strings'],
  [{ ...consumer, env: { A: { oneOf: ['x', 5] } } }, 'env.A.oneOf is ["x",5]; expected a list of strings'],
  [{ ...consumer, env: { A: { oneOf: ['x', 'y'], default: 'z' } } }, 'env.A.default is "z"; expected x or y'],
  [{ ...producer, env: { A: { oneOf: ['x'], default: 'z', secret: true } } }, 'env.A.default is ***; expected x'],
  [{ queue: 'q', map: () => null }, 'source is missing; expected lines({ path })'],
  [{ ...producer, source: 'input.txt' }, 'source is "input.txt"; expected lines({ path })'],
  [{ ...producer, source: { kind: 'queue' } }, 'source is {"kind":"queue"}; expected lines({ path })'],
  [{ ...producer, source: { kind: 'lines' } }, 'source.path (INPUT_PATH) is missing; expected the path of a file'],
  [{ ...producer, source: { kind: 'lines', path: '' } }, 'source.path (INPUT_PATH) is ""; expected the path of a file'],
  [{ ...producer, source: { ...producer.source, from: 0 } }, 'source.from (0) is no option; known here: kind, path'],
  [{ ...producer, map: undefined }, 'map is missing; expected a function'],
  [{ ...producer, batch: { size: 1 } }, `batch ({"size":1}) is no option; known here: ${producerKeys}`],
  [
    { ...consumer, source: producer.source },
    `source ({"kind":"lines","path":"input.txt"}) is no option; known here: ${consumerKeys}`,
  ],
] as const) {
  test(`a spec is refused because ${problems[0]}`, () => assert.deepEqual(problemsOf(spec), problems))
}

test('all problems of a spec are named at once', () => {
  const spec = { queue: '', batch: { size: 0, maxWaitMs: -1 }, retry: { attempts: 'many' }, scale: { max: 0 }, x: 1 }
  assert.deepEqual(problemsOf(spec), [
    `x (1) is no option; known here: ${consumerKeys}`,
    `queue is ""; expected ${nameRule}`,
    'handle is missing; expected a function',
    'batch.size (KEDAFN_BATCH_SIZE) is 0; expected a whole number from 1 to 10000',
    'batch.maxWaitMs (KEDAFN_BATCH_MAX_WAIT_MS) is -1; expected a whole number from 0 to 60000',
    'scale.max is 0; expected a whole number from 1 to 1000',
    'retry.attempts (KEDAFN_RETRY_ATTEMPTS) is "many"; expected a whole number from 1 to 100',
  ])
})

test('a number of a consumer is what its spec says, or the default for its kind of handler', () => {
  const whole = consumerNumbers({ queue: 'q', retry: { attempts: 7 }, handle: () => {} })
  assert.deepEqual([whole('attempts'), whole('batchSize'), whole('concurrency')], [7, 100, 1])
  const single = consumerNumbers({ queue: 'q', concurrency: 3, handle: each(() => {}) })
  assert.deepEqual([single('attempts'), single('batchSize'), single('concurrency')], [5, 1, 3])
})
