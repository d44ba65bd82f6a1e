import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { App, byNumber, numbered, poll } from './support/app.ts'

const run = promisify(execFile)

/** Workers at work: a backlog, and the first of it done. */
async function atWork(t: TestContext, count: number): Promise<{ app: App; bodies: readonly string[] }> {
  const app = await App.deploy(t, {
    functions: ['worker'],
    scaling: { worker: { pollingInterval: 1, cooldownPeriod: 10 } },
  })
  await app.openFiles('worker')
  await t.waitFor(async () => assert.ok(await app.rabbit.queue('work')), poll)
  const bodies = numbered(count)
  await app.rabbit.publish('work', bodies)
  await t.waitFor(async () => assert.ok((await app.lines('worker')).length > 0), poll)
  return { app, bodies }
}

/** Everything was done, by and by, and scaling ends where it should: at nothing. */
async function completes(t: TestContext, app: App, bodies: readonly string[], repeats: number): Promise<void> {
  await t.waitFor(async () => assert.ok(new Set(await app.lines('worker')).size >= bodies.length), poll)
  const lines = await app.lines('worker')
  assert.deepEqual([...new Set(lines)].sort(byNumber), bodies)
  const repeated = lines.length - bodies.length
  t.diagnostic(`${repeated} done twice`)
  assert.ok(repeated <= repeats, `${repeated} done twice, at most ${repeats} expected`)
  await t.waitFor(async () => assert.equal((await app.pods('worker')).length, 0), poll)
}

test('pods deleted without any grace in mid-batch: nothing is lost, and no more is done twice than was running', async (t) => {
  const { app, bodies } = await atWork(t, 300)
  const killed = 3
  await t.waitFor(async () => assert.ok((await app.kubectl.replicas('worker')).ready >= killed), poll)
  const names = (await app.pods('worker')).slice(0, killed).map(({ metadata }) => metadata.name)
  await app.kubectl.run('delete', 'pod', '--grace-period=0', '--force', ...names)
  await completes(t, app, bodies, killed * 5)
})

test('the RabbitMQ pod is killed and comes back with its volume: nothing is lost, and scaling goes on', async (t) => {
  const { app, bodies } = await atWork(t, 300)
  await app.kubectl.run('delete', 'pod', '--grace-period=0', '--force', 'rabbitmq-0')
  await app.kubectl.run('rollout', 'status', 'statefulset/rabbitmq', '--timeout=180s')
  await completes(t, app, bodies, 50)
})

/** Restarts that no kubectl can do: the environment says how, in a command for sh. */
for (const [what, variable] of [
  ["KEDA's two processes", 'KEDAFN_E2E_RESTART_KEDA'],
  ['the API server', 'KEDAFN_E2E_RESTART_API'],
] as const) {
  test(`${what} restarted under load: nothing is lost, and scaling goes on`, async (t) => {
    const command = process.env[variable]
    if (!command) {
      t.skip(`${variable} does not say how`)
      return
    }
    const all = numbered(400)
    const { app, bodies } = await atWork(t, 300)
    await run('sh', ['-c', command])
    // On a slow machine all of it may be done meanwhile: then more must wake the workers again.
    // n.b. the API server took the way to the broker with it: the first try may fail, before it sends anything.
    await t.waitFor(() => app.rabbit.publish('work', all.slice(bodies.length)), poll)
    await t.waitFor(async () => assert.ok((await app.kubectl.replicas('worker')).all > 0), poll)
    await completes(t, app, all, 0)
  })
}
