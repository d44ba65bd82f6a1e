import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { interpolated, legendOf, offerOf, panelsOf, readDashboards } from '../../dev/dashboards/dashboards.ts'
import { pictureOf } from '../../dev/dashboards/picture.ts'
import type { Prometheus, Series } from '../../dev/dashboards/prometheus.ts'
import { alertQueries } from '../support/alert-queries.ts'
import { ownBroker } from '../support/broker.ts'
import { freePort } from '../support/free-port.ts'
import type { FunctionProcess } from '../support/function-process.ts'
import { hasPrometheus, PrometheusProcess } from '../support/prometheus-process.ts'
import { bundles, Workspace } from '../support/workspace.ts'
import { copyRepository } from '../tooling/repository.ts'

const poll = { interval: 500, timeout: 60_000 }
const rateInterval = '4s'
/** Of the dashboard on which one function is chosen. */
const chosen = { function: 'log-consumer', namespace: 'here', queue: 'logs' }
/** What is asked of KEDA and of kube-state-metrics: there is neither here, and test/e2e/dashboards.e2e.ts asks it of a cluster. */
const ofCluster = /\b(?:keda|kube)_/
/** The family queue_delivery_metrics: RabbitMQ 4 has it, 3.10 has not. */
const since4 = /\brabbitmq_detailed_queue_messages_\w+_total\b/

interface Question {
  readonly name: string
  readonly panel: string
  readonly legend: string
  readonly query: string
}

const dashboards = readDashboards(join(import.meta.dirname, '..', '..'))

/** What every panel asks, and every alert. */
const questions: readonly Question[] = [
  ...[...dashboards.values()].flatMap((dashboard) =>
    panelsOf(dashboard).flatMap((panel) =>
      (panel.targets ?? []).map(({ refId, expr, legendFormat }) => ({
        name: `${dashboard.title}, ${panel.title}, ${refId}`,
        panel: `${dashboard.title}, ${panel.title}`,
        legend: legendFormat,
        query: interpolated(expr, dashboard, dashboard.uid === 'kedafn-autoscaling' ? chosen : {}, rateInterval),
      })),
    ),
  ),
  ...alertQueries(rateInterval).map(({ alert, query }) => ({ name: alert, panel: alert, legend: '', query })),
]
const hasNumber = ({ values: points }: Series): boolean => points.some(([, value]) => Number.isFinite(Number(value)))

/** A line that works, one that is tried again, and one that is given up: each has a queue that a panel shows. */
async function startLine(t: TestContext, amqpUrl: string): Promise<{ running: FunctionProcess[]; work: Workspace }> {
  const repository = copyRepository(t)
  repository.write(
    'functions/log-consumer/function.ts',
    `import { defineConsumer, drop, retry, text } from '#runtime'
     export default defineConsumer({
       queue: 'logs',
       decode: text,
       retry: { attempts: 2, firstDelayMs: 100, maxDelayMs: 100 },
       handle: (batch) => batch.flatMap((delivery) => {
         if (delivery.body === 'drop') return drop(delivery, 'told to')
         return delivery.body === 'twice' ? retry(delivery, 'once more') : []
       }),
     })`,
  )
  const own = await bundles(repository.root)
  t.after(() => own.dispose())
  const work = new Workspace(t, amqpUrl)
  work.write('first\ndrop\ntwice\n')
  const running = [work.start(own.of('log-consumer')), work.start(own.of('log-producer'))]
  await Promise.all(running.map((one) => one.logged('answering probes')))
  return { running, work }
}

const portOf = ({ entries }: FunctionProcess): string =>
  `127.0.0.1:${entries.find(({ message }) => message === 'answering probes')?.port}`

async function scraped(running: readonly FunctionProcess[], broker: string): Promise<PrometheusProcess> {
  const family = ['queue_coarse_metrics', 'queue_consumer_count', 'queue_delivery_metrics']
  return PrometheusProcess.start([
    { job_name: 'functions', static_configs: [{ targets: running.map(portOf) }] },
    { job_name: 'broker', static_configs: [{ targets: [broker] }] },
    {
      job_name: 'queues',
      metrics_path: '/metrics/detailed',
      params: { family },
      static_configs: [{ targets: [broker] }],
    },
  ])
}

async function answers(
  asked: readonly Question[],
  api: Prometheus,
  from: number,
): Promise<ReadonlyMap<Question, readonly Series[]>> {
  const now = Math.ceil(Date.now() / 1000)
  const all = await Promise.all(asked.map(async (one) => [one, await api.range(one.query, from, now, 1)] as const))
  return new Map(all.map(([one, series]) => [one, series.filter(hasNumber)]))
}

test('Prometheus has series for what every panel and every alert asks of functions and broker', async (t) => {
  if (!hasPrometheus()) return t.skip('there is no prometheus on this machine')
  const prometheusPort = await freePort()
  const broker = await ownBroker(() => {}, { prometheusPort })
  after(() => broker.dispose())
  const old = (await broker.ctl('version')).startsWith('3.')
  const asked = questions.filter(({ query }) => !ofCluster.test(query) && !(old && since4.test(query)))
  const { running, work } = await startLine(t, broker.url)
  const begun = Math.floor(Date.now() / 1000)
  await using prometheus = await scraped(running, `127.0.0.1:${prometheusPort}`)
  let found: ReadonlyMap<Question, readonly Series[]> = new Map()
  await t.waitFor(async () => {
    work.append('more\ndrop\ntwice\n')
    found = await answers(asked, prometheus.api, begun)
    const empty = [...found].filter(([, series]) => series.length === 0)
    assert.deepEqual(
      empty.map(([{ name, query }]) => `${name}: ${query}`),
      [],
    )
  }, poll)
  t.diagnostic(
    `${asked.length} of ${questions.length} queries have series; the others are of a cluster or of RabbitMQ 4`,
  )
  assertReadable(found)
  await assertOffered(prometheus.api)
  for (const [name, dashboard] of dashboards) {
    const times = { from: begun, to: Math.ceil(Date.now() / 1000), step: 1 }
    const values = name === 'kedafn-autoscaling' ? chosen : {}
    const { svg, empty } = await pictureOf(dashboard, prometheus.api, times, { values, rateInterval })
    for (const { title } of panelsOf(dashboard)) assert.ok(svg.includes(title), title)
    if (name === 'kedafn-functions') assert.deepEqual(empty, [])
  }
  // What is of the cluster is refused by nobody either.
  for (const { query } of questions) await prometheus.api.now(query)
})

/** Each variable of the dashboards that know nothing of the cluster has something to choose. */
async function assertOffered(api: Prometheus): Promise<void> {
  for (const dashboard of dashboards.values()) {
    for (const variable of dashboard.templating.list) {
      const offer = offerOf(variable)
      if (!offer || dashboard.uid === 'kedafn-autoscaling') continue
      const { selector, label } = offer
      const found = await api.now(`group by (${label}) (${interpolated(selector, dashboard, {}, rateInterval)})`)
      assert.ok(
        found.some(({ metric }) => metric[label]),
        `${dashboard.title}: ${variable.name}`,
      )
    }
  }
}

/** No two series of a panel have one name in its legend, and none is longer than a line of it. */
function assertReadable(found: ReadonlyMap<Question, readonly Series[]>): void {
  const names = new Map<string, string[]>()
  for (const [{ panel, legend }, series] of found) {
    if (legend === '') continue
    const own = names.get(panel) ?? []
    names.set(panel, [...own, ...series.map(({ metric }) => legendOf(legend, metric))])
  }
  for (const [panel, shown] of names) {
    assert.deepEqual(shown.toSorted(), [...new Set(shown)].sort(), panel)
    for (const name of shown) assert.ok(name.length > 0 && name.length <= 60, `${panel}: ${name}`)
  }
}
