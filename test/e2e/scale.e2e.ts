import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App, byNumber, numbered, poll } from './support/app.ts'

test('a backlog makes replicas, 0 -> N -> 0, and each message is done once; in a restricted namespace, without a warning', async (t) => {
  const app = await App.deploy(t, {
    functions: ['worker'],
    settings: { worker: { WORK_MS: '1000' } },
    scaling: { worker: { pollingInterval: 1, cooldownPeriod: 10 } },
  })
  assert.doesNotMatch(app.applied, /Warning/)
  await app.openFiles('worker')
  // Its queue is not there yet: KEDA falls back to one replica, which makes it.
  await t.waitFor(async () => assert.ok(await app.rabbit.queue('work')), poll)
  await t.waitFor(async () => assert.equal((await app.kubectl.replicas('worker')).all, 0), poll)
  const bodies = numbered(300)
  const begun = performance.now()
  const seconds = () => ((performance.now() - begun) / 1000).toFixed(1)
  await app.rabbit.publish('work', bodies)
  let most = 0
  await t.waitFor(async () => {
    const { all } = await app.kubectl.replicas('worker')
    if (all > most) {
      most = all
      t.diagnostic(`${all} replicas after ${seconds()} s`)
    }
    assert.ok((await app.lines('worker')).length >= bodies.length)
  }, poll)
  t.diagnostic(`all done after ${seconds()} s`)
  assert.ok(most >= 3, `at most ${most} replicas`)
  await t.waitFor(async () => assert.equal((await app.pods('worker')).length, 0), poll)
  t.diagnostic(`no pod after ${seconds()} s`)
  const lines = await app.lines('worker')
  assert.deepEqual(lines.toSorted(byNumber), bodies)
  assert.equal((await app.rabbit.queue('work.dead'))?.messages, 0)
})

test('a pod runs without an account of the API, as nobody, on a file system it cannot write to', async (t) => {
  const app = await App.deploy(t, { functions: ['worker'], scaler: null })
  const [pod] = await app.pods('worker')
  await app.kubectl.run('rollout', 'status', 'deployment/worker', '--timeout=120s')
  const { spec } = await app.kubectl.json<{ spec: { volumes: object[]; containers: { securityContext: object }[] } }>(
    'get',
    'pod',
    pod?.metadata.name ?? '',
  )
  assert.doesNotMatch(JSON.stringify(spec.volumes), /serviceAccountToken/)
  assert.deepEqual(spec.containers[0]?.securityContext, {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    readOnlyRootFilesystem: true,
  })
})
