import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { App, poll } from './support/app.ts'
import { deployNaive } from './support/naive.ts'

const tries = Number(process.env.KEDAFN_E2E_TRIES || 30)

interface Stamp {
  readonly body: string
  readonly began: number
  readonly handled: number
}

interface Sleeper {
  readonly name: string
  readonly file: string
  readonly queue: string
  readonly number: number
  readonly intervalMs: number
}

type Awakening = Awaited<ReturnType<typeof wake>>

/** Sends a message to a function that is at zero, and waits until it is there again. */
async function wake(t: TestContext, app: App, { name, file, queue, number, intervalMs }: Sleeper) {
  await t.waitFor(async () => assert.equal((await app.pods(name)).length, 0), { interval: 200, timeout: 120_000 })
  // KEDA polls each object at its own beat: at a random moment of it, or one of the two is always sent to right before a poll.
  await wait(Math.random() * intervalMs)
  const sent = Date.now()
  await app.rabbit.publish('', [`${number}`], queue)
  const published = (sent + Date.now()) / 2
  let stamp: Stamp | undefined
  await t.waitFor(
    async () => {
      const lines = await app.lines('stamp', file)
      stamp = lines.map((line) => JSON.parse(line) as Stamp).find(({ body }) => body === `${number}`)
      assert.ok(stamp)
    },
    { interval: 200, timeout: 120_000 },
  )
  const { began = 0, handled = 0 } = stamp ?? {}
  return { toProcess: began - published, toHandled: handled - began, all: handled - published }
}

const quantile = (values: readonly number[], part: number): string => {
  const sorted = values.toSorted((a, b) => a - b)
  return ((sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0) / 1000).toFixed(2)
}

for (const pollingInterval of [1, 5]) {
  test(`from zero, polled every ${pollingInterval} s: the first message is done no later than by a bare consumer`, async (t) => {
    const scaling = { pollingInterval, cooldownPeriod: 1, maxReplicaCount: 1 }
    const app = await App.deploy(t, { functions: ['stamp'], scaler: 'amqp', scaling: { stamp: scaling } })
    for (const queue of ['stamp', 'naive']) await app.rabbit.declare(queue)
    await app.openFiles('stamp')
    await deployNaive(app, {
      queue: 'naive',
      env: { OUTPUT_PATH: '/data/naive.txt' },
      claim: 'stamp-data',
      scaling,
      trigger: { mode: 'QueueLength', value: '100' },
    })
    await t.waitFor(async () => assert.equal((await app.pods('stamp')).length, 0), poll)
    const ours: Awakening[] = []
    const theirs: Awakening[] = []
    for (let number = 0; number < tries; number++) {
      const intervalMs = pollingInterval * 1000
      ours.push(await wake(t, app, { name: 'stamp', file: 'output.txt', queue: 'stamp', number, intervalMs }))
      theirs.push(await wake(t, app, { name: 'naive', file: 'naive.txt', queue: 'naive', number, intervalMs }))
    }
    for (const [name, all] of Object.entries({ ours, theirs })) {
      for (const part of ['toProcess', 'toHandled', 'all'] as const) {
        const values = all.map((one) => one[part])
        t.diagnostic(
          `${name} ${part}: median ${quantile(values, 0.5)} s, p95 ${quantile(values, 0.95)} s, max ${quantile(values, 1)} s`,
        )
      }
    }
    const median = (all: readonly Awakening[]) =>
      Number(
        quantile(
          all.map((one) => one.all),
          0.5,
        ),
      )
    // The wait for KEDA's poll is chance, up to a whole interval.
    assert.ok(median(ours) <= median(theirs) + 0.25 * pollingInterval)
  })
}
