import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App, numbered, poll } from './support/app.ts'

interface Condition {
  readonly type: string
  readonly status: string
  readonly reason: string
}

for (const vhost of ['/a-b', '/a b']) {
  test(`a password of odd characters and the vhost ${vhost}: runtime and KEDA both connect, and scale from 0 to 0`, async (t) => {
    const app = await App.deploy(t, {
      functions: ['worker'],
      login: { username: 'me@home', password: '#/\\@%: "$', vhost },
      scaling: { worker: { pollingInterval: 1, cooldownPeriod: 5 } },
    })
    await app.openFiles('worker')
    await t.waitFor(async () => assert.ok(await app.rabbit.queue('work')), poll)
    await t.waitFor(async () => assert.equal((await app.kubectl.replicas('worker')).all, 0), poll)
    const bodies = numbered(50)
    await app.rabbit.publish('work', bodies)
    await t.waitFor(async () => assert.equal((await app.lines('worker')).length, bodies.length), poll)
    await t.waitFor(async () => assert.equal((await app.kubectl.replicas('worker')).all, 0), poll)
    const [conditions] = await conditionsOf(app)
    assert.equal(conditions?.find(({ type }) => type === 'Ready')?.status, 'True')
  })
}

test('a wrong password: KEDA says so in an event, and the function ends with a code and what to do', async (t) => {
  const app = await App.deploy(t, { functions: ['worker'], givenPassword: 'not-this-one' })
  // Made anew now that the broker answers: of an object that failed before for another reason, events are left out.
  const { spec } = await app.kubectl.json<{ spec: object }>('get', 'scaledobject', 'worker')
  await app.kubectl.run('delete', 'scaledobject', 'worker')
  await app.kubectl.apply({ apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject', metadata: { name: 'worker' }, spec })
  await t.waitFor(async () => {
    const events = await app.kubectl.run('get', 'events', '--field-selector', 'involvedObject.name=worker')
    assert.match(events, /KEDAScalerFailed .*401/)
  }, poll)
  await t.waitFor(async () => {
    const [pod] = await app.pods('worker')
    const ended = pod?.status.containerStatuses?.[0]?.lastState?.terminated
    assert.equal(ended?.exitCode, 1)
    assert.match(ended?.message ?? '', /FN_LOGIN_REFUSED/)
  }, poll)
})

async function conditionsOf(app: App): Promise<readonly (readonly Condition[])[]> {
  const { items } = await app.kubectl.json<{ items: { status: { conditions: Condition[] } }[] }>('get', 'scaledobjects')
  return items.map(({ status }) => status.conditions)
}
