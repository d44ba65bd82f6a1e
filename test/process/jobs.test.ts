import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { openVhost } from '../support/broker.ts'
import { ready, send, take } from '../support/queues.ts'
import { bundles, Workspace } from '../support/workspace.ts'
import { copyRepository } from '../tooling/repository.ts'

const vhost = await openVhost('process-jobs')
after(() => vhost.dispose())

const poll = { interval: 20, timeout: 30_000 }
/** As the manifests of `keda/scaledjob` have it: one Job, one delivery. */
const one = { KEDAFN_MAX_DELIVERIES: '1', KEDAFN_BATCH_SIZE: '1', KEDAFN_CONCURRENCY: '1' }

/** Starts processes of a function that takes from `queue`. Its queues stand when this resolves, and no process runs. */
async function jobsOf(t: TestContext, queue: string) {
  const repository = copyRepository(t)
  repository.write(
    'functions/job/function.ts',
    `import { defineConsumer, text } from '#runtime'
     export default defineConsumer({ queue: '${queue}', decode: text, retry: { firstDelayMs: 3600_000, maxDelayMs: 3600_000 },
       handle: ([delivery], ctx) => {
         ctx.log.info('handling', { body: delivery.body, attempt: delivery.attempt })
         if (delivery.body === 'bad') throw new Error('it is bad')
       } })`,
  )
  const built = await bundles(repository.root, ['job'])
  t.after(() => built.dispose())
  const work = new Workspace(t, vhost.url)
  const start = (env: Record<string, string>) => work.start(built.of('job'), env)
  const making = start({})
  await making.logged('consuming')
  making.kill('SIGTERM')
  assert.equal((await making.exited).code, 0)
  return {
    /** Runs a Job to its end. @returns what it handled */
    async run(env: Record<string, string> = {}) {
      const job = start({ ...one, ...env })
      assert.deepEqual(await job.exited, { code: 0, signal: null })
      const handled = job.entries.filter(({ message }) => message === 'handling')
      return { handled: handled.map(({ body, attempt }) => `${body} ${attempt}`), counters: job.counters }
    },
  }
}

test('a Job takes exactly one of many and ends with 0; the others stay, in their order, with no attempt counted', async (t) => {
  const jobs = await jobsOf(t, 'jobs')
  const bodies = Array.from({ length: 5 }, (_, number) => `m${number}`)
  await send(vhost.url, 'jobs', bodies)
  const { handled, counters } = await jobs.run()
  assert.deepEqual(handled, ['m0 1'])
  assert.partialDeepStrictEqual(counters, { received: 1, acked: 1 })
  await t.waitFor(async () => assert.equal(await ready(vhost.url, 'jobs'), 4), poll)
  assert.deepEqual((await jobs.run()).handled, ['m1 1'])
  const left = await take(vhost.url, 'jobs', 3)
  assert.deepEqual(
    left.map(({ body }) => String(body)),
    bodies.slice(2),
  )
  // Some brokers show a count of 0 where others show none.
  for (const { headers } of left) assert.deepEqual({ 'x-delivery-count': 0, ...headers }, { 'x-delivery-count': 0 })
  assert.equal(await ready(vhost.url, 'jobs'), 0)
})

test('a Job on an empty queue ends with 0 once nothing came for KEDAFN_IDLE_MS', async (t) => {
  const jobs = await jobsOf(t, 'empty')
  const begun = performance.now()
  const { handled } = await jobs.run({ KEDAFN_IDLE_MS: '400' })
  assert.deepEqual(handled, [])
  assert.ok(performance.now() - begun >= 400)
})

test('a Job whose message fails sends it to retry, and ends with 0', async (t) => {
  const jobs = await jobsOf(t, 'failing')
  await send(vhost.url, 'failing', ['bad', 'good'])
  assert.deepEqual((await jobs.run()).handled, ['bad 1'])
  assert.equal(await ready(vhost.url, 'failing'), 1)
  const [waiting] = await take(vhost.url, 'failing.retry.3600000', 1)
  assert.equal(String(waiting?.body), 'bad')
  assert.partialDeepStrictEqual(waiting?.headers, { 'kedafn-failed-attempts': 1, 'kedafn-cause': 'it is bad' })
  assert.deepEqual((await jobs.run()).handled, ['good 1'])
})
