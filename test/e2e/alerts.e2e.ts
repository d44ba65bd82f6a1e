import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { firing, quickRules } from '../support/alert-rules.ts'
import { App, numbered, poll } from './support/app.ts'
import { askPrometheus, openPrometheus } from './support/monitoring.ts'

const run = promisify(execFile)
const patient = { interval: 500, timeout: 300_000 }
/** Six scrapes, after which what is over is forgotten. What is held against the cluster is the expression, not Prometheus' clock. */
const quick = { window: '1m', pending: '5s' }
const paused = 'autoscaling.keda.sh/paused-replicas'

/** The overlay's rules, in a hurry, and with a label of this test; and its monitor of the broker. */
async function watch(t: TestContext, app: App) {
  const { namespace } = app.kubectl
  const rules = quickRules({ ...quick, labels: { scenario: namespace } })
  const monitor = join(import.meta.dirname, '../../manifests/overlays/monitoring/rabbitmq.yaml')
  await app.kubectl.apply(...rules, parse(readFileSync(monitor, 'utf8')))
  const url = await openPrometheus(t)
  interface Groups {
    readonly groups: readonly { readonly rules: readonly { readonly labels?: Readonly<Record<string, string>> }[] }[]
  }
  await t.waitFor(async () => {
    const { groups } = await askPrometheus<Groups>(url, 'rules')
    const ours = groups.filter(({ rules: [first] }) => first?.labels?.scenario === namespace)
    assert.equal(ours.length, rules.length - 1)
  }, poll)
  const fires = async (name: string, labels: Record<string, string> = {}) =>
    (await firing(url, name, { scenario: namespace, ...labels })).length > 0
  const until = async (is: boolean, name: string, labels?: Record<string, string>) => {
    const begun = performance.now()
    await t.waitFor(async () => assert.equal(await fires(name, labels), is, name), patient)
    t.diagnostic(`${name} ${is ? 'fires' : 'is over'} after ${Math.round((performance.now() - begun) / 1000)} s`)
  }
  return { until, fires }
}

/** Asleep, with a KEDA that looks each second. */
async function deploy(t: TestContext, { maxReplicaCount = 10 } = {}) {
  const app = await App.deploy(t, {
    functions: ['worker'],
    scaling: { worker: { pollingInterval: 1, cooldownPeriod: 5, maxReplicaCount } },
  })
  const { namespace } = app.kubectl
  const seen = await watch(t, app)
  await t.waitFor(async () => assert.ok(await app.rabbit.queue('work')), poll)
  await t.waitFor(async () => assert.equal((await app.kubectl.replicas('worker')).all, 0), poll)
  const labels = {
    object: { exported_namespace: namespace, scaledObject: 'worker' },
    work: { namespace, queue: 'work' },
    here: { namespace },
  }
  const inBroker = (...command: string[]) => app.kubectl.run('exec', 'rabbitmq-0', '--', 'rabbitmqctl', ...command)
  return { app, ...seen, ...labels, inBroker }
}

test('who paused and a queue that grows fire their alerts in a real Prometheus, and what is over resolves', async (t) => {
  const { app, until, fires, object, work, here } = await deploy(t, { maxReplicaCount: 1 })
  const { kubectl, rabbit } = app
  assert.equal(await fires('KedafnPausedTooLong', object), false)
  await kubectl.run('annotate', 'scaledobject', 'worker', `${paused}=0`)
  await t.waitFor(async () => assert.equal((await kubectl.replicas('worker')).all, 0), poll)
  await rabbit.publish('work', ['waits'])
  await until(true, 'KedafnPausedTooLong', object)
  await until(true, 'KedafnNoConsumers', work)
  await kubectl.run('annotate', 'scaledobject', 'worker', `${paused}-`)
  await until(false, 'KedafnPausedTooLong', object)
  await until(false, 'KedafnNoConsumers', work)

  let published = 0
  await t.waitFor(async () => {
    await rabbit.publish(
      'work',
      numbered(200).map((body) => `${published}-${body}`),
    )
    published += 200
    assert.ok(await fires('KedafnAtMaxReplicas', { ...here, scaledObject: 'worker' }), 'KedafnAtMaxReplicas')
    assert.ok(await fires('KedafnBacklogGrows', work), 'KedafnBacklogGrows')
  }, patient)
  t.diagnostic(`at its one replica, and behind, with ${published} messages`)
  await kubectl.run('exec', 'rabbitmq-0', '--', 'rabbitmqctl', 'purge_queue', 'work')
  for (const name of ['KedafnAtMaxReplicas', 'KedafnBacklogGrows']) await until(false, name, here)
})

test('a message that ends each process that has it fires those of dead letters and of the loop', async (t) => {
  const { app, until, here } = await deploy(t)
  // n.b. Others keep several replicas up: alone, the back-off of the one makes the loop last for a quarter of an hour.
  await app.rabbit.publish('work', ['exit', ...numbered(100)])
  await until(true, 'KedafnDeadLetters', { ...here, queue: 'work.dead' })
  await until(true, 'KedafnDeadLetters', { ...here, service_name: 'worker', cause: 'FN_CRASH_LOOP' })
  await until(true, 'KedafnCrashLoop', { ...here, service_name: 'worker' })
  await until(false, 'KedafnCrashLoop', here)
})

test('an alarm of the broker, a deleted queue and a login that KEDA has no more fire theirs', async (t) => {
  const { until, object, here, inBroker } = await deploy(t)
  await inBroker('set_vm_memory_high_watermark', '0.00001')
  await until(true, 'KedafnBrokerAlarm', here)
  await inBroker('set_vm_memory_high_watermark', '0.6')
  await until(false, 'KedafnBrokerAlarm', here)

  // The start had errors too: there was no queue yet.
  await until(false, 'KedafnScalerErrors', object)
  await inBroker('delete_queue', 'work')
  await until(true, 'KedafnScalerErrors', object)
  // The replica of the fallback makes the queue again.
  await until(false, 'KedafnScalerErrors', object)
  await inBroker('change_password', 'kedafn', 'another')
  await until(true, 'KedafnScalerErrors', object)
})

test('without KEDA it is said that nothing is heard of it', async (t) => {
  const { KEDAFN_E2E_STOP_KEDA: stop, KEDAFN_E2E_RESTART_KEDA: restart } = process.env
  if (!stop || !restart) return t.skip('KEDAFN_E2E_STOP_KEDA and KEDAFN_E2E_RESTART_KEDA do not say how')
  const { until, fires } = await deploy(t)
  assert.equal(await fires('KedafnKedaDown'), false)
  await run('sh', ['-c', stop])
  try {
    await until(true, 'KedafnKedaDown')
  } finally {
    await run('sh', ['-c', restart])
  }
  await until(false, 'KedafnKedaDown')
})
