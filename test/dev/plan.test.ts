import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planFunctions } from '../../dev/plan.ts'
import { depthReader } from '../../dev/queue-depth.ts'
import { endsOf } from '../../dev/snapshot.ts'
import { pipelineOf } from '../../dev/state.ts'
import type { FunctionSpec } from '../../runtime/core/spec.ts'
import { defineConsumer, defineProducer, lines, text } from '../../runtime/index.ts'
import type { FunctionFacts } from '../../tooling/functions.ts'

const pipeline = pipelineOf({ root: '/repo', cwd: '/', input: 'in', output: 'out' })
const facts = (specs: Record<string, object>): FunctionFacts[] =>
  Object.entries(specs).map(([name, spec]) => ({ name, spec: spec as FunctionSpec }))
const producer = (path: string) =>
  defineProducer({ source: lines({ path }), queue: 'logs', encode: text, map: ({ text: body }) => ({ body }) })
const consumer = (queue: string, output: string) =>
  defineConsumer({
    queue,
    exchange: 'logs',
    retry: { attempts: 3 },
    env: { OUTPUT_PATH: { default: output } },
    handle: () => {},
  })

const two = facts({ sends: producer('input.txt'), writes: consumer('logs', 'output.txt') })
const planTwo = (env: Record<string, string> = {}, once = false) => planFunctions(two, pipeline, { env, once }).plans

test('the pipeline’s files go to the functions that have them by default, and to no other', () => {
  const others = facts({ 'sends-more': producer('other.txt'), counts: consumer('levels', 'levels.txt') })
  const env = { INPUT_PATH: 'x', OUTPUT_PATH: 'y', KEDAFN_ONCE: 'true', PATH: '/bin' }
  const { plans } = planFunctions([...two, ...others], pipeline, { env, once: false })
  const seen = plans.map(({ name, env }) => [name, env.INPUT_PATH, env.OUTPUT_PATH, env.KEDAFN_ONCE, env.PATH])
  assert.deepEqual(seen, [
    ['sends', '/in', undefined, 'false', '/bin'],
    ['writes', undefined, '/out', undefined, '/bin'],
    ['sends-more', undefined, undefined, 'false', '/bin'],
    ['counts', undefined, undefined, undefined, '/bin'],
  ])
  const { reads, writes } = endsOf(plans)
  assert.deepEqual(
    plans.filter(reads).map(({ name }) => name),
    ['sends'],
  )
  assert.deepEqual(
    plans.filter(writes).map(({ name }) => name),
    ['writes'],
  )
})

test('each producer has a checkpoint of its own in the pipeline’s state', () => {
  const [sends] = planTwo({}, true)
  assert.equal(sends?.env.KEDAFN_CHECKPOINT_PATH, `${pipeline.folder}/sends.checkpoint`)
  assert.equal(sends?.env.KEDAFN_ONCE, 'true')
})

test('a private broker is declared on, another one as the environment says', () => {
  const env = { KEDAFN_TOPOLOGY: 'verify' }
  assert.equal(planTwo(env)[0]?.env.KEDAFN_TOPOLOGY, 'declare')
  assert.equal(planTwo({ ...env, AMQP_URL: 'amqp://host' })[0]?.env.KEDAFN_TOPOLOGY, 'verify')
})

test('what is about the broker is checked, but not part of a plan; without a broker that is named it counts for nothing', () => {
  const [sends] = planTwo({ AMQP_URL: 'amqp://host', AMQP_USERNAME: 'me', AMQP_PASSWORD: 'secret' })
  assert.deepEqual(
    Object.keys(sends?.env ?? {}).filter((name) => name.startsWith('AMQP_')),
    [],
  )
  assert.throws(() => planTwo({ AMQP_URL: 'amqp://host', AMQP_USERNAME: 'me' }), /AMQP_PASSWORD is missing/)
  assert.throws(() => planTwo({ AMQP_URL_FILE: '/nowhere' }), /AMQP_URL_FILE is "\/nowhere"; expected a file/)
  assert.equal(planTwo({ AMQP_USERNAME: 'me' }).length, 2)
})

test('the queues are those that the runtime makes, with what the environment overrides', () => {
  const [, writes] = planTwo({ KEDAFN_RETRY_FIRST_DELAY_MS: '500', KEDAFN_GRACE_MS: '2000' })
  assert.deepEqual(writes?.retryQueues, ['logs.retry.500', 'logs.retry.1000'])
  assert.equal(writes?.deadQueue, 'logs.dead')
  assert.equal(writes?.longestRetryMs, 1000)
  assert.equal(writes?.graceMs, 2000)
})

test('a function that lacks a variable it cannot do without is left out, and what it needs is told', () => {
  const env = { TOKEN: { secret: true, description: 'the token of the archive' }, MODE: {}, LEVEL: { default: '1' } }
  const archive = facts({ archive: { ...consumer('archive', 'archive.txt'), env } })
  const plan = (outer: Record<string, string>) =>
    planFunctions([...two, ...archive], pipeline, { env: outer, once: false })
  const { plans, leftOut } = plan({ MODE: '' })
  assert.deepEqual(leftOut, ['archive is left out: it needs TOKEN (the token of the archive)'])
  assert.deepEqual(
    plans.map(({ name }) => name),
    ['sends', 'writes'],
  )
  assert.match(plan({}).leftOut.join(), /TOKEN .* and MODE$/)
  const complete = plan({ MODE: '', TOKEN: 't' })
  assert.deepEqual([complete.leftOut, complete.plans.length], [[], 3])
  const fromFile = plan({ MODE: '', TOKEN_FILE: import.meta.filename })
  assert.deepEqual([fromFile.leftOut, fromFile.plans.length], [[], 3])
})

test('all problems of the environment are told at once, before anything runs', () => {
  assert.throws(() => planTwo({ LOG_LEVEL: 'loud', KEDAFN_WINDOW: '0', AMQP_URL: 'http://me:secret@host' }), {
    name: 'UsageError',
    message: /sends\n.*AMQP_URL.*LOG_LEVEL is "loud".*KEDAFN_WINDOW.*writes\n/s,
  })
  assert.throws(
    () => planTwo({ AMQP_URL: 'http://me:secret@host' }),
    (error: Error) => !error.message.includes('secret'),
  )
})

test('each queue is read once; a queue that does not exist is empty', async () => {
  const asked: string[] = []
  const depth = async (queue: string) => {
    asked.push(queue)
    return queue === 'logs.dead' ? null : { ready: 2, consumers: 1 }
  }
  const reader = depthReader({ depth, close: async () => {} }, planTwo())
  assert.deepEqual(await reader.read('work'), [{ queue: 'logs', ready: 2, retrying: 0, dead: 0 }])
  assert.deepEqual(asked, ['logs'])
  assert.deepEqual(await reader.read('all'), [{ queue: 'logs', ready: 2, retrying: 4, dead: 0 }])
})

test('a broker that cannot be asked gives null', async () => {
  const depth = () => Promise.reject(new Error('gone'))
  assert.equal(await depthReader({ depth, close: async () => {} }, planTwo()).read('all'), null)
})

test('a producer is told that the consumer of its queue wants an order, unless the environment says else', () => {
  const ordered = { ...consumer('logs', 'output.txt'), order: 'queue' }
  const seen = (specs: Record<string, object>, env: Record<string, string> = {}) =>
    planFunctions(facts(specs), pipeline, { env, once: false }).plans.find(({ name }) => name === 'sends')?.env
      .KEDAFN_QUEUE_ORDERED
  const sends = producer('input.txt')
  assert.equal(seen({ sends, writes: ordered }), 'true')
  assert.equal(seen({ sends, writes: ordered }, { KEDAFN_QUEUE_ORDERED: 'false' }), 'false')
  assert.equal(seen({ sends, writes: { ...ordered, order: undefined } }), undefined)
  assert.equal(seen({ sends, writes: { ...ordered, queue: 'other' } }), undefined)
})
