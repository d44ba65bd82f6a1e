import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parse } from 'yaml'
import { App, poll } from './support/app.ts'
import { Kubectl } from './support/kubectl.ts'

interface Alert {
  readonly state: 'pending' | 'firing'
  readonly labels: Readonly<Record<string, string>>
}
interface Rules {
  readonly metadata: { labels: Record<string, string> }
  readonly spec: {
    groups: { rules: { alert?: string; expr: string; for?: string; labels?: Record<string, string> }[] }[]
  }
}

const monitoring = join(import.meta.dirname, '../../manifests/overlays/monitoring')
const read = (file: string): object => parse(readFileSync(join(monitoring, file), 'utf8'))
/** Instead of minutes or a day: what is held against the cluster is the expression, not Prometheus' clock. */
const pendingFor = '5s'
/** Instead of 5 to 15 minutes: six scrapes, after which what is over is forgotten. */
const window = '1m'
const vhost = 'alerts'

/** The overlay's objects, with each `for` and window shortened, and alerts that are known by their test. */
async function watch(t: TestContext, app: App) {
  const rules = read('alerts.yaml') as Rules
  for (const rule of rules.spec.groups.flatMap((group) => group.rules)) {
    if (rule.for !== undefined) rule.for = pendingFor
    rule.expr = rule.expr.replaceAll(/\[\d+m\]/g, `[${window}]`)
    if (rule.alert !== undefined) rule.labels = { ...rule.labels, scenario: app.kubectl.namespace }
  }
  await app.kubectl.apply(rules, read('rabbitmq.yaml'))
  const prometheus = new Kubectl(process.env.KEDAFN_E2E_MONITORING ?? 'monitoring')
  const { port, child } = await prometheus.forward('service/prometheus-operator-kube-p-prometheus', 9090)
  t.after(() => child.kill())
  const ask = async <T>(path: string): Promise<T> => {
    const { data } = (await (await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)).json()) as { data: T }
    return data
  }
  const loaded = async () => {
    const { groups } = await ask<{ groups: Rules['spec']['groups'] }>('rules')
    return groups.some((group) => group.rules.some(({ labels }) => labels?.scenario === app.kubectl.namespace))
  }
  await t.waitFor(async () => assert.ok(await loaded()), poll)
  /** True if it fires here, with such labels. */
  const fires = async (alertname: string, labels: Record<string, string> = {}): Promise<boolean> => {
    const wanted = { alertname, scenario: app.kubectl.namespace, ...labels }
    const { alerts } = await ask<{ alerts: Alert[] }>('alerts')
    return alerts.some(
      (alert) =>
        alert.state === 'firing' && Object.entries(wanted).every(([key, value]) => alert.labels[key] === value),
    )
  }
  const until = (firing: boolean, alertname: string, labels?: Record<string, string>) =>
    t.waitFor(async () => assert.equal(await fires(alertname, labels), firing, alertname), poll)
  return { until, fires }
}

test('the broker, KEDA and a person who paused fire their alerts in a real Prometheus, and what is over resolves', async (t) => {
  const login = { username: 'kedafn', password: 'only-for-k3d', vhost }
  const scaling = { worker: { pollingInterval: 1, cooldownPeriod: 5 } }
  const app = await App.deploy(t, { functions: ['worker'], login, scaling })
  const { kubectl, rabbit } = app
  const { until, fires } = await watch(t, app)
  const here = { exported_namespace: kubectl.namespace, scaledObject: 'worker' }
  const inBroker = (...command: string[]) => kubectl.run('exec', 'rabbitmq-0', '--', 'rabbitmqctl', ...command)
  await t.waitFor(async () => assert.ok(await rabbit.queue('work')), poll)
  assert.equal(await fires('KedafnPausedTooLong', here), false)

  const paused = 'autoscaling.keda.sh/paused-replicas'
  await kubectl.run('annotate', 'scaledobject', 'worker', `${paused}=0`)
  await t.waitFor(async () => assert.equal((await kubectl.replicas('worker')).all, 0), poll)
  await rabbit.publish('work', ['waits'])
  await until(true, 'KedafnPausedTooLong', here)
  await until(true, 'KedafnNoConsumers', { vhost, queue: 'work' })
  await kubectl.run('annotate', 'scaledobject', 'worker', `${paused}-`)
  await until(false, 'KedafnPausedTooLong', here)
  await until(false, 'KedafnNoConsumers', { vhost, queue: 'work' })

  await inBroker('set_vm_memory_high_watermark', '0.00001')
  await until(true, 'KedafnBrokerAlarm')
  await inBroker('set_vm_memory_high_watermark', '0.6')

  // The start had errors too: there was no queue yet.
  await until(false, 'KedafnScalerErrors', here)
  await inBroker('change_password', login.username, 'another')
  await until(true, 'KedafnScalerErrors', here)
})
