import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { App, numbered, poll } from './support/app.ts'
import { deployNaive } from './support/naive.ts'

const messages = 300

/** From the messages to the empty queue, and how long all pods together were there until then, in s. */
async function emptied(t: TestContext, app: App, name: string, queue: string, exchange: string) {
  await app.rabbit.publish(exchange, numbered(messages), queue)
  const begun = performance.now()
  let podSeconds = 0
  let most = 0
  let last = begun
  await t.waitFor(
    async () => {
      const pods = (await app.pods(name)).filter(({ status }) => status.phase === 'Running').length
      const now = performance.now()
      podSeconds += (pods * (now - last)) / 1000
      most = Math.max(most, pods)
      last = now
      const found = await app.rabbit.queue(queue)
      assert.deepEqual([found?.messages, await app.rabbit.ready(queue)], [0, 0])
    },
    { interval: 250, timeout: 180_000 },
  )
  return { seconds: (performance.now() - begun) / 1000, podSeconds, most }
}

test("300 messages of a second: a third of the time of KEDA's sample, and a fortieth of its pod-seconds", async (t) => {
  const scaling = { pollingInterval: 5, cooldownPeriod: 30, maxReplicaCount: 30 }
  const app = await App.deploy(t, {
    functions: ['waiter'],
    scaler: 'amqp',
    scaling: { waiter: { ...scaling, cooldownPeriod: 30 } },
  })
  await app.rabbit.declare('wait')
  await app.rabbit.declare('naive')
  await deployNaive(app, {
    queue: 'naive',
    env: { WORK_MS: '1000' },
    scaling,
    trigger: { mode: 'QueueLength', value: '5' },
  })
  for (const name of ['waiter', 'naive']) {
    await t.waitFor(async () => assert.equal((await app.pods(name)).length, 0), poll)
  }
  const theirs = await emptied(t, app, 'naive', 'naive', '')
  await t.waitFor(async () => assert.equal((await app.pods('naive')).length, 0), poll)
  const ours = await emptied(t, app, 'waiter', 'wait', '')
  for (const [name, { seconds, podSeconds, most }] of Object.entries({ theirs, ours })) {
    t.diagnostic(`${name}: ${seconds.toFixed(1)} s, ${podSeconds.toFixed(1)} pod-seconds, at most ${most} pods`)
  }
  assert.ok(ours.seconds <= 0.3 * theirs.seconds)
  assert.ok(ours.podSeconds <= theirs.podSeconds / 40)
})
