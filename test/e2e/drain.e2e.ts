import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App, byNumber, numbered, poll } from './support/app.ts'

test('scale-in from many replicas to 2 and to 0 while handlers run: nothing lost, nothing done twice, no dead letter', async (t) => {
  const app = await App.deploy(t, { functions: ['worker'], settings: { worker: { WORK_MS: '3000' } } })
  await app.openFiles('worker')
  // The first pod makes the queue.
  await app.kubectl.run('annotate', 'scaledobject', 'worker', 'autoscaling.keda.sh/paused-replicas=10')
  await t.waitFor(async () => assert.equal((await app.kubectl.replicas('worker')).ready, 10), poll)
  const bodies = numbered(400)
  await app.rabbit.publish('work', bodies)
  await t.waitFor(async () => assert.ok((await app.lines('worker')).length >= 50), poll)
  for (const replicas of [2, 0, 3]) {
    await app.kubectl.run(
      'annotate',
      '--overwrite',
      'scaledobject',
      'worker',
      `autoscaling.keda.sh/paused-replicas=${replicas}`,
    )
    await t.waitFor(async () => assert.equal((await app.pods('worker')).length, replicas), poll)
  }
  await t.waitFor(async () => assert.ok(new Set(await app.lines('worker')).size >= bodies.length), poll)
  const lines = await app.lines('worker')
  assert.deepEqual(lines.toSorted(byNumber), bodies)
  assert.equal((await app.rabbit.queue('work.dead'))?.messages ?? 0, 0)
  assert.equal(await app.rabbit.ready('work'), 0)
})
