import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App, numbered, poll } from './support/app.ts'

test('cpu: a function that computes scales out by its CPU, though its queue asks for one replica, and goes to zero', async (t) => {
  const app = await App.deploy(t, {
    functions: ['burner'],
    scaler: 'cpu',
    scaling: { burner: { pollingInterval: 1, cooldownPeriod: 10 } },
  })
  await t.waitFor(async () => assert.ok(await app.rabbit.queue('burn')), poll)
  await app.rabbit.publish('burn', numbered(60))
  await t.waitFor(async () => assert.ok((await app.kubectl.replicas('burner')).all >= 2), poll)
  t.diagnostic(await app.kubectl.run('get', 'hpa'))
  await t.waitFor(async () => assert.equal((await app.rabbit.queue('burn'))?.messages, 0), {
    ...poll,
    timeout: 300_000,
  })
  await t.waitFor(async () => assert.equal((await app.pods('burner')).length, 0), { ...poll, timeout: 400_000 })
})
