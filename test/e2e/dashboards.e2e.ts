import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Dashboard, interpolated, offerOf, panelsOf, readDashboards } from '../../dev/dashboards/dashboards.ts'
import { Prometheus, type Series } from '../../dev/dashboards/prometheus.ts'
import { alerts } from '../../tooling/render/alerts.ts'
import { alertQueries } from '../support/alert-queries.ts'
import { App, numbered, poll } from './support/app.ts'
import { askPrometheus, openPrometheus } from './support/monitoring.ts'

const dashboards = readDashboards(join(import.meta.dirname, '..', '..'))
/** Monitors scrape every 15 s. */
const rateInterval = '1m'
const step = 5

interface Monitoring {
  readonly api: Prometheus
  ask<T>(path: string): Promise<T>
}

async function openMonitoring(t: TestContext): Promise<Monitoring> {
  const url = await openPrometheus(t)
  return { api: new Prometheus(url), ask: (path) => askPrometheus(url, path) }
}

const monitor = (name: string, labels: Record<string, string>): object => ({
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'PodMonitor',
  metadata: { name, labels },
  spec: {
    selector: { matchLabels: { 'app.kubernetes.io/name': 'worker' } },
    podMetricsEndpoints: [{ port: 'metrics' }],
  },
})

interface Rules {
  readonly groups: readonly {
    readonly name: string
    readonly file: string
    readonly rules: readonly { readonly health: string; readonly lastError?: string }[]
  }[]
}

/** Monitors and rules of a namespace are taken by their label, and every rule is evaluated without an error. */
async function assertSelected(t: TestContext, { ask }: Monitoring, app: App): Promise<void> {
  const { namespace } = app.kubectl
  await app.kubectl.apply(
    monitor('unlabelled', {}),
    monitor('of-another-release', { release: 'another' }),
    monitor('labelled', { release: 'prometheus-operator' }),
  )
  await t.waitFor(async () => {
    const { yaml } = await ask<{ yaml: string }>('status/config')
    const taken = [...yaml.matchAll(/job_name: podMonitor\/([^/]+)\/([^/]+)\/(\d)/g)].filter(
      ([, of]) => of === namespace,
    )
    assert.deepEqual(taken.map(([, , name, index]) => `${name} ${index}`).sort(), [
      'labelled 0',
      'rabbitmq 0',
      'rabbitmq 1',
      'worker 0',
    ])
  }, poll)
  // It scrapes the pods of `worker` as well, and each would be counted twice.
  await app.kubectl.run('delete', 'podmonitor', 'labelled', 'unlabelled', 'of-another-release')
  await t.waitFor(async () => {
    const groups = (await ask<Rules>('rules')).groups.filter(({ file }) => file.includes(`/${namespace}-`))
    const names = ['kedafn', ...alerts.map(({ alert }) => alert)]
    assert.deepEqual(groups.map(({ name }) => name).sort(), names.sort())
    for (const { name, rules } of groups)
      for (const { health, lastError } of rules) assert.equal(health, 'ok', `${name}: ${lastError}`)
  }, poll)
}

const numbersOf = (series: readonly Series[]): number[] =>
  series.flatMap(({ values }) => values.map(([, value]) => Number(value))).filter(Number.isFinite)

test('the 0 -> N -> 0 that was seen is what the dashboards show, and Prometheus takes our monitors and rules by their label', async (t) => {
  const app = await App.deploy(t, {
    functions: ['worker'],
    settings: { worker: { WORK_MS: '1000' } },
    scaling: { worker: { pollingInterval: 1, cooldownPeriod: 30 } },
    monitoring: true,
  })
  const monitoring = await openMonitoring(t)
  const { namespace } = app.kubectl
  const chosen: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'kedafn-autoscaling': {
      function: 'worker',
      namespace,
      queue: 'work',
      broker: `${namespace}/rabbitmq`,
      job: `${namespace}/worker`,
    },
    'kedafn-rabbitmq-queues': { job: `${namespace}/rabbitmq` },
  }
  await app.openFiles('worker')
  await t.waitFor(async () => assert.ok(await app.rabbit.queue('work')), poll)
  await assertSelected(t, monitoring, app)
  await t.waitFor(async () => assert.equal((await app.kubectl.replicas('worker')).all, 0), poll)
  // Prometheus looks every few seconds: what it shows as the beginning has to be zero too.
  await t.waitFor(async () => {
    const [there] = await monitoring.api.now(
      `kube_deployment_status_replicas{namespace="${namespace}",deployment="worker"}`,
    )
    assert.equal(there?.values[0]?.[1], '0')
  }, poll)
  const from = Math.floor(Date.now() / 1000)
  const now = () => Math.floor(Date.now() / 1000)
  const answers = (dashboard: Dashboard, expr: string) =>
    monitoring.api.range(interpolated(expr, dashboard, chosen[dashboard.uid] ?? {}, rateInterval), from, now(), step)

  await app.rabbit.publish('work', numbered(400))
  let most = 0
  await t.waitFor(async () => {
    most = Math.max(most, (await app.kubectl.replicas('worker')).all)
    assert.equal((await app.lines('worker')).length, 400)
  }, poll)
  await t.waitFor(async () => assert.equal((await app.kubectl.replicas('worker')).all, 0), poll)
  t.diagnostic(`seen: 0 -> ${most} -> 0 in ${now() - from} s`)

  const autoscaling = dashboards.get('kedafn-autoscaling')
  const queues = dashboards.get('kedafn-rabbitmq-queues')
  assert.ok(autoscaling && queues)
  // What happened last is there with the next scrape.
  for (const dashboard of [autoscaling, queues]) {
    await t.waitFor(async () => {
      for (const { title, targets = [] } of panelsOf(dashboard)) {
        for (const { expr, legendFormat } of targets) {
          assert.notEqual(numbersOf(await answers(dashboard, expr)).length, 0, `${title}, ${legendFormat}: ${expr}`)
        }
      }
    }, poll)
  }

  for (const { alert, query } of alertQueries(rateInterval)) {
    const series = await monitoring.api.range(query, from, now(), step)
    if (/\b(?:keda|kube)_/.test(query)) assert.notEqual(numbersOf(series).length, 0, `${alert}: ${query}`)
  }
  const shown = async (title: string, legend: string): Promise<number[]> => {
    const target = panelsOf(autoscaling)
      .find((panel) => panel.title === title)
      ?.targets?.find(({ legendFormat }) => legendFormat === legend)
    assert.ok(target, `${title}, ${legend}`)
    return numbersOf(await answers(autoscaling, target.expr))
  }
  await t.waitFor(async () => {
    const there = await shown('Replicas', 'there')
    assert.equal(Math.max(...there), most)
    assert.deepEqual([there[0], there.at(-1)], [0, 0])
    assert.deepEqual(new Set(await shown('State', 'at zero')), new Set([0, 1]))
    assert.deepEqual(new Set(await shown('State', 'active')), new Set([0, 1]))
    assert.deepEqual(new Set(await shown('State', 'paused')), new Set([0]))
    assert.ok(Math.max(...(await shown('Backlog against its target', 'as KEDA sees it'))) > 0)
    assert.ok(Math.max(...(await shown('Backlog against its target', 'target: value × replicas'))) > 0)
  }, poll)

  for (const variable of autoscaling.templating.list) {
    const offer = offerOf(variable)
    if (!offer) continue
    const { selector, label } = offer
    const query = interpolated(selector, autoscaling, chosen['kedafn-autoscaling'] ?? {}, rateInterval)
    const offered = (await monitoring.api.range(`group by (${label}) (${query})`, from, now(), step)).map(
      ({ metric }) => metric[label],
    )
    const wanted = chosen['kedafn-autoscaling']?.[variable.name]
    if (wanted) assert.ok(offered.includes(wanted), `${variable.name}: ${offered}`)
    else assert.notEqual(offered.length, 0, variable.name)
  }
  const variables = Object.entries(chosen['kedafn-autoscaling'] ?? {}).map(([name, value]) => `--var ${name}=${value}`)
  t.diagnostic(`npm run dashboards:picture -- kedafn-autoscaling --from ${from} --to ${now()} ${variables.join(' ')}`)
})
