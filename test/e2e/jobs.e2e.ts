import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App, byNumber, numbered, poll } from './support/app.ts'

interface Jobs {
  readonly items: readonly {
    readonly status: { readonly succeeded?: number; readonly failed?: number; readonly active?: number }
  }[]
}

test('scaledjob: 20 messages of 30 s, each in a Job of its own that runs to its end', async (t) => {
  const app = await App.deploy(t, {
    functions: ['worker'],
    settings: { worker: { WORK_MS: '30000' } },
    scaler: 'scaledjob',
  })
  await app.openFiles('worker')
  await app.rabbit.declare('work')
  const bodies = numbered(20)
  await app.rabbit.publish('', bodies, 'work')
  const begun = performance.now()
  await t.waitFor(async () => assert.equal((await app.lines('worker')).length, bodies.length), {
    ...poll,
    timeout: 600_000,
  })
  t.diagnostic(`all done after ${((performance.now() - begun) / 1000).toFixed(0)} s`)
  assert.deepEqual((await app.lines('worker')).toSorted(byNumber), bodies)
  await t.waitFor(async () => {
    const { items } = await app.kubectl.json<Jobs>('get', 'jobs')
    assert.equal(items.filter(({ status }) => status.active).length, 0)
    assert.equal(items.filter(({ status }) => status.failed).length, 0)
  }, poll)
  assert.equal((await app.rabbit.queue('work.dead'))?.messages ?? 0, 0)
})
