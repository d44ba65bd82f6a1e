import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Config, type Environment, readConfig } from '../../runtime/core/config.ts'
import { FnError } from '../../runtime/core/errors.ts'
import { consumerOptions, type IntegerOption, labelOf, producerOptions } from '../../runtime/core/options.ts'
import type { EnvSpec, FunctionSpec } from '../../runtime/core/spec.ts'
import { each } from '../../runtime/core/verdict.ts'
import { seeded } from './seeded.ts'

const consumer: FunctionSpec = { queue: 'logs', handle: () => {} }
const producer: FunctionSpec = { queue: 'logs', source: { kind: 'lines', path: 'input.txt' }, map: () => null }
const noTls = { ca: null, cert: null, key: null, passphrase: null, serverName: null }
const address = { tls: false, hostname: '127.0.0.1', port: 5672, username: 'guest', password: 'guest', vhost: '/' }
const broker = { addresses: [address], tls: noTls }
const metrics = { metrics: true, metricsHost: '0.0.0.0', traces: false, traceRatio: 1, traceParent: 'link' }
const names = { name: 'fn', queue: 'logs', exchange: 'logs' }
const shared = { ...names, broker, topology: 'declare', logLevel: 'info', ...metrics, env: {} }

const read = (spec: FunctionSpec, env: Environment = {}): Config => readConfig('fn', spec, env)

/** The message of the error that reading raises, or null if it raises none. */
function refusal(spec: FunctionSpec, env: Environment): string | null {
  try {
    read(spec, env)
    return null
  } catch (error) {
    assert.ok(error instanceof FnError && error.code === 'FN_ENV_INVALID', `${error}`)
    return error.message
  }
}

/** The problems that are found, without their dash. */
function problemsOf(spec: FunctionSpec, env: Environment): string[] {
  const [first, ...lines] = (refusal(spec, env) ?? '').split('\n')
  assert.equal(first, 'the environment holds values that cannot be used: fn')
  return lines.map((line) => line.replace('  - ', ''))
}

test('a consumer with nothing set has every default', () => {
  assert.deepEqual(read(consumer), {
    ...shared,
    kind: 'consumer',
    linesPerMessage: 1,
    batchSize: 100,
    batchMaxWaitMs: 0,
    concurrency: 1,
    scaleMin: 0,
    scaleMax: 10,
    messagesPerReplica: 100,
    attempts: 5,
    firstDelayMs: 1000,
    maxDelayMs: 60_000,
    maxAgeMs: 604_800_000,
    timeoutMs: 300_000,
    maxDeliveries: 0,
    idleMs: 10_000,
    graceMs: 30_000,
    reconnectBudgetMs: 300_000,
    metricsPort: 9464,
  })
})

test('a producer with nothing set has every default', () => {
  assert.deepEqual(read(producer), {
    ...shared,
    kind: 'producer',
    linesPerMessage: 1,
    window: 1000,
    maxLineBytes: 16_777_216,
    checkpointLines: 1000,
    checkpointMs: 100,
    graceMs: 30_000,
    reconnectBudgetMs: 300_000,
    metricsPort: 9464,
    inputPath: 'input.txt',
    sourceName: 'fn',
    queueOrdered: false,
    lock: true,
    checkpoint: 'file',
    checkpointPath: '.kedafn/fn.checkpoint',
    once: false,
  })
})

test('a producer makes a missing queue ordered when it is told to', () => {
  assert.partialDeepStrictEqual(read(producer, { KEDAFN_QUEUE_ORDERED: 'true' }), { queueOrdered: true })
})

test('a one-message handler takes one delivery at a time, ten at once, unless the spec says else', () => {
  const single: FunctionSpec = { ...consumer, handle: each(() => {}) }
  const { batchSize, concurrency } = read(single) as Config & { kind: 'consumer' }
  assert.deepEqual([batchSize, concurrency], [1, 10])
  const chosen = read({ ...single, batch: { size: 7 }, concurrency: 3 }) as Config & { kind: 'consumer' }
  assert.deepEqual([chosen.batchSize, chosen.concurrency], [7, 3])
})

test('the spec overrides the default, the environment the spec, and an empty variable nothing', () => {
  const spec: FunctionSpec = { ...consumer, exchange: 'events', batch: { size: 5 } }
  assert.partialDeepStrictEqual(read(spec), { exchange: 'events', batchSize: 5 })
  assert.partialDeepStrictEqual(read(spec, { KEDAFN_BATCH_SIZE: '' }), { batchSize: 5 })
  assert.partialDeepStrictEqual(read(spec, { KEDAFN_BATCH_SIZE: '6' }), { batchSize: 6 })
})

for (const [spec, table] of [
  [consumer, consumerOptions],
  [producer, producerOptions],
] as const) {
  for (const [key, option] of Object.entries<IntegerOption>(table)) {
    const { env, min, max } = option
    if (env === null) {
      test(`${key} is set in the spec alone`, () => {
        assert.partialDeepStrictEqual(read(spec, { [`KEDAFN_${key.toUpperCase()}`]: 'x' }), { [key]: option.default })
      })
      continue
    }
    test(`${env} takes whole numbers from ${min} to ${max} and nothing else`, () => {
      // Options with a part in a common rule: their neighbours are set so that the whole range is free.
      const room = {
        KEDAFN_RETRY_FIRST_DELAY_MS: '10',
        KEDAFN_RETRY_MAX_DELAY_MS: '86400000',
        KEDAFN_BATCH_SIZE: '1',
        KEDAFN_CONCURRENCY: '1',
        KEDAFN_TIMEOUT_MS: '10',
      }
      for (const value of [min, max]) {
        assert.partialDeepStrictEqual(read(spec, { ...room, [env]: `${value}` }), { [key]: value })
      }
      for (const value of [`${min - 1}`, `${max + 1}`, '1.5', '1e2', '0x10', ' 5', '5 ', '+5', '-1', 'many', '٣']) {
        assert.deepEqual(problemsOf(spec, { ...room, [env]: value }), [
          `${labelOf(option)} is ${JSON.stringify(value)}; expected a whole number from ${min} to ${max}`,
        ])
      }
      assert.equal(problemsOf(spec, { [env]: '9'.repeat(400) }).length, 1)
    })
  }
}

test('options that hang together are checked with the values that count', () => {
  assert.deepEqual(problemsOf(consumer, { KEDAFN_RETRY_FIRST_DELAY_MS: '60001' }), [
    'retry.firstDelayMs (KEDAFN_RETRY_FIRST_DELAY_MS) is 60001; ' +
      'expected at most retry.maxDelayMs (KEDAFN_RETRY_MAX_DELAY_MS), which is 60000',
  ])
  assert.deepEqual(problemsOf({ ...consumer, concurrency: 1000 }, { KEDAFN_BATCH_SIZE: '33' }), [
    'batch.size (KEDAFN_BATCH_SIZE) times concurrency (KEDAFN_CONCURRENCY) is 33000; expected at most 32767',
  ])
})

test('a value that cannot be used causes one problem, not a second one by comparison', () => {
  const env = { KEDAFN_RETRY_FIRST_DELAY_MS: '60001', KEDAFN_RETRY_MAX_DELAY_MS: 'x' }
  assert.equal(problemsOf(consumer, env).length, 1)
})

for (const [variable, key, choices] of [
  ['KEDAFN_TOPOLOGY', 'topology', { declare: 'declare', verify: 'verify' }],
  ['LOG_LEVEL', 'logLevel', { debug: 'debug', info: 'info', warn: 'warn', error: 'error' }],
  ['KEDAFN_ONCE', 'once', { false: false, true: true }],
] as const) {
  test(`${variable} takes ${Object.keys(choices).join(', ')} and nothing else`, () => {
    for (const [value, expected] of Object.entries(choices)) {
      assert.partialDeepStrictEqual(read(producer, { [variable]: value }), { [key]: expected })
    }
    const expected = Object.keys(choices).join(' or ')
    for (const wrong of ['1', 'TRUE', 'Info', 'declare ', 'constructor']) {
      assert.deepEqual(problemsOf(producer, { [variable]: wrong }), [
        `${variable} is ${JSON.stringify(wrong)}; expected ${expected}`,
      ])
    }
  })
}

test('the paths of a producer can be set', () => {
  const env = { INPUT_PATH: '/var/log/x', KEDAFN_CHECKPOINT_PATH: '/state/x' }
  assert.partialDeepStrictEqual(read(producer, env), { inputPath: '/var/log/x', checkpointPath: '/state/x' })
  const empty = { INPUT_PATH: '', KEDAFN_CHECKPOINT_PATH: '' }
  assert.deepEqual(read(producer, empty), read(producer))
})

const declared: EnvSpec = {
  PLAIN: { default: 'standard' },
  NEEDED: { description: 'the address of the archive' },
  BARE: {},
  MODE: { oneOf: ['fast', 'safe'], default: 'safe' },
  TOKEN: { oneOf: ['x'], secret: true, default: 'x' },
}

test('declared variables have their value, or their default, and no other variable gets in', () => {
  const env = { NEEDED: 'a', BARE: '', MODE: 'fast', HOME: '/root' }
  assert.deepEqual(read({ ...consumer, env: declared }, env).env, {
    PLAIN: 'standard',
    NEEDED: 'a',
    BARE: '',
    MODE: 'fast',
    TOKEN: 'x',
  })
})

test('a declared variable that is missing or no choice is a problem, a secret one is not shown', () => {
  assert.deepEqual(problemsOf({ ...consumer, env: declared }, { MODE: 'quick', TOKEN: 'hush' }), [
    'env.NEEDED (NEEDED) is missing; expected the address of the archive',
    'env.BARE (BARE) is missing; expected a value',
    'env.MODE (MODE) is "quick"; expected fast or safe',
    'env.TOKEN (TOKEN) is ***; expected x',
  ])
})

test('a declared secret may stand in a file, which no error shows', () => {
  const spec: FunctionSpec = { ...consumer, env: { TOKEN: { secret: true, oneOf: ['good'] }, PLAIN: { default: 'x' } } }
  const readWith = (env: Environment, content: string) => () => readConfig('fn', spec, env, () => content)
  assert.deepEqual(readWith({ TOKEN_FILE: '/t', PLAIN_FILE: '/p' }, 'good\n')().env, { TOKEN: 'good', PLAIN: 'x' })
  assert.throws(readWith({ TOKEN_FILE: '/t' }, 'hush'), /env.TOKEN \(TOKEN\) is \*\*\*; expected good$/)
  assert.throws(
    readWith({ TOKEN_FILE: '/t', TOKEN: 'hush' }, 'good'),
    /TOKEN_FILE\) is "\/t"; expected TOKEN or TOKEN_FILE/,
  )
  assert.deepEqual(problemsOf(spec, { TOKEN_FILE: '/t' }), [
    'env.TOKEN (TOKEN_FILE) is "/t"; expected a file that can be read (files are not read here)',
  ])
  const own: FunctionSpec = { ...consumer, env: { TOKEN: { secret: true, default: 'd' }, TOKEN_FILE: {} } }
  assert.deepEqual(read(own, { TOKEN_FILE: '/t' }).env, { TOKEN: 'd', TOKEN_FILE: '/t' })
})

test('AMQP_URL says where the broker is', () => {
  const { addresses } = read(consumer, { AMQP_URL: 'amqps://u:p%23@[::1]/a%2Fb' }).broker
  assert.deepEqual(addresses[0], {
    tls: true,
    hostname: '::1',
    port: 5671,
    username: 'u',
    password: 'p#',
    vhost: 'a/b',
  })
})

test('all problems of an environment are named at once', () => {
  const env = {
    AMQP_URL: 'amqp://u:hush@',
    LOG_LEVEL: 'loud',
    KEDAFN_ONCE: 'maybe',
    KEDAFN_WINDOW: '0',
    KEDAFN_GRACE_MS: '1',
  }
  assert.deepEqual(problemsOf(producer, env), [
    'AMQP_URL is "amqp://***"; expected amqp://user:password@host:port/vhost or amqps://…, ' +
      'user, password and vhost percent-encoded',
    'LOG_LEVEL is "loud"; expected debug or info or warn or error',
    'KEDAFN_WINDOW is "0"; expected a whole number from 1 to 10000',
    'KEDAFN_GRACE_MS is "1"; expected a whole number from 1000 to 3600000',
    'KEDAFN_ONCE is "maybe"; expected false or true',
  ])
})

test('no error ever holds a piece of the password, whatever it is made of', () => {
  const odd = [...' !"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~\t\n\0é€', '%zz', '%', '://', '//', '@@', '#@', '?@', '/@']
  const schemes = ['amqp://', 'amqps://', 'AMQP://', 'http://', 'ftp://', 'amqp:', '//', '', ' amqp://']
  const users = ['user', 'us@er', 'us/er', 'u%zz', '']
  const hosts = ['broker', 'broker:5672', 'broker:0', 'broker:99999', 'broker:x', '[::1]', '[::1', 'bro ker', '', ':1']
  const tails = ['', '/', '/logs', '/a b/c', '/%zz', '?heartbeat=5', '#x']
  const next = seeded(5)
  const pick = (list: readonly string[]): string => list[next(list.length)] as string
  let refused = 0
  for (let run = 0; run < 20_000; run++) {
    const secret = next(2) === 0 ? 'hush' : '7351'
    const password = [secret, ...Array.from({ length: 1 + next(3) }, () => pick(odd) + secret)].join('')
    const url = `${pick(schemes)}${pick(users)}:${password}@${pick(hosts)}${pick(tails)}`
    const message = refusal(consumer, { AMQP_URL: url })
    if (message === null) continue
    refused++
    assert.ok(!message.includes(secret), `${JSON.stringify(url)}\n${message}`)
  }
  assert.ok(refused > 10_000)
})

test('a checkpoint in the broker needs the lock, and one file', () => {
  const broker = { KEDAFN_CHECKPOINT: 'broker' }
  assert.partialDeepStrictEqual(read(producer, broker), { checkpoint: 'broker', lock: true })
  assert.partialDeepStrictEqual(read(producer, { KEDAFN_LOCK: 'off' }), { checkpoint: 'file', lock: false })
  assert.deepEqual(problemsOf(producer, { ...broker, KEDAFN_LOCK: 'off', INPUT_PATH: 'logs/*.log' }), [
    'KEDAFN_LOCK is "off"; expected on with KEDAFN_CHECKPOINT=broker: who reads it hides it from others',
    'INPUT_PATH is "logs/*.log"; expected one file, not a pattern, with KEDAFN_CHECKPOINT=broker',
  ])
  assert.partialDeepStrictEqual(read(producer, { INPUT_PATH: 'logs/*.log' }), { inputPath: 'logs/*.log' })
})

test('a source is named after its function, or as the environment says, if the names of its queues still fit', () => {
  assert.partialDeepStrictEqual(read(producer, { KEDAFN_SOURCE: 'node-7.a_B' }), { sourceName: 'node-7.a_B' })
  for (const name of ['a/b', 'ä', ' ', 'x'.repeat(240)]) {
    const [problem] = problemsOf(producer, { KEDAFN_SOURCE: name })
    assert.match(problem ?? '', /^KEDAFN_SOURCE is ".*; expected 1 to 239 of A-Z a-z 0-9 \. _ -$/)
  }
  assert.partialDeepStrictEqual(read(producer, { KEDAFN_SOURCE: 'x'.repeat(239) }), { lock: true })
})

test('an ordered queue cannot be taken from by so many deliveries', () => {
  const ordered = { ...consumer, order: 'queue' } as const
  assert.deepEqual(problemsOf(ordered, { KEDAFN_MAX_DELIVERIES: '1' }), [
    'KEDAFN_MAX_DELIVERIES is 1; expected 0 with order: what fails waits in its place',
  ])
  assert.equal(refusal(ordered, { KEDAFN_MAX_DELIVERIES: '0' }), null)
})

test('traces are asked for by an exporter or an endpoint, and not by either alone if it says none', () => {
  const asked = (env: Environment) => read(consumer, env).traces
  assert.equal(asked({ OTEL_TRACES_EXPORTER: 'otlp' }), true)
  assert.equal(asked({ OTEL_TRACES_EXPORTER: 'console, otlp' }), true)
  assert.equal(asked({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }), true)
  assert.equal(asked({ OTEL_TRACES_EXPORTER: 'none', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }), false)
})

test('the part of traces that is sampled is a number from 0 to 1', () => {
  assert.equal(read(consumer, { OTEL_TRACES_SAMPLER_ARG: '0.25' }).traceRatio, 0.25)
  for (const seen of ['2', '-0.1', 'half']) {
    const expected = `OTEL_TRACES_SAMPLER_ARG is "${seen}"; expected a number from 0 to 1`
    assert.deepEqual(problemsOf(consumer, { OTEL_TRACES_SAMPLER_ARG: seen }), [expected])
  }
})
