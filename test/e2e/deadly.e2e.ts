import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App, byNumber, numbered, poll } from './support/app.ts'

test('a message that ends its process, and one that eats all its memory, end dead with that cause; all others are done', async (t) => {
  const app = await App.deploy(t, { functions: ['worker'], scaler: null, settings: { worker: { WORK_MS: '100' } } })
  await app.openFiles('worker')
  await t.waitFor(async () => assert.ok(await app.rabbit.queue('work')), poll)
  const bodies = numbered(60)
  await app.rabbit.publish('work', [...bodies.slice(0, 30), 'exit', 'eat', ...bodies.slice(30)])
  await t.waitFor(
    async () => {
      // A kubelet waits up to five minutes between two starts: a pod made anew starts at once.
      for (const { metadata, status } of await app.pods('worker')) {
        if (!status.containerStatuses?.some(({ state }) => state.waiting?.reason === 'CrashLoopBackOff')) continue
        await app.kubectl.run('delete', 'pod', '--grace-period=0', '--force', metadata.name)
      }
      assert.equal((await app.rabbit.queue('work.dead'))?.messages, 2)
    },
    { ...poll, timeout: 600_000 },
  )
  const dead = await app.rabbit.bodies('work.dead')
  assert.deepEqual(dead.map(({ body }) => body).sort(), ['eat', 'exit'])
  for (const { cause } of dead) assert.match(cause, /process/)
  await t.waitFor(async () => assert.ok(new Set(await app.lines('worker')).size >= bodies.length), poll)
  const lines = await app.lines('worker')
  t.diagnostic(`${lines.length - bodies.length} done twice`)
  assert.deepEqual([...new Set(lines)].sort(byNumber), bodies)
})
