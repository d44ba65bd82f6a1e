import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { panelsOf, readDashboards } from '../../dev/dashboards/dashboards.ts'
import { type Metric, metrics, prometheusName } from '../../runtime/core/metrics.ts'
import { rendered } from './kustomizations.ts'

const dashboards = readDashboards(join(import.meta.dirname, '..', '..'))
const columns = 24
/** Grafana's, of those that have a meaning for what is shown here. */
const units = new Set(['short', 's', 'bytes', 'decbytes', 'cps', 'percentunit', 'bool'])

/** The names of metrics in a query, each with the labels that it is selected by. */
const selectorsOf = (expr: string) =>
  [...expr.matchAll(/\b([a-z][a-z0-9_]{4,})\{([^}]*)\}/g)].map(([, name = '', labels = '']) => ({ name, labels }))

test('there are three, each with a uid of its own that is the name of its file', () => {
  assert.deepEqual([...dashboards.keys()], ['kedafn-autoscaling', 'kedafn-functions', 'kedafn-rabbitmq-queues'])
  for (const [name, { uid }] of dashboards) assert.equal(uid, name)
})

test('each becomes a ConfigMap that Grafana’s sidecar finds, small enough for kubectl apply', () => {
  const maps = rendered('manifests/monitoring/dashboards')
  assert.deepEqual(
    maps.map(({ kind, metadata }) => [kind, metadata.name, metadata.labels?.grafana_dashboard]),
    [...dashboards.keys()].map((name) => ['ConfigMap', name, '1']),
  )
  for (const { metadata, data } of maps) {
    assert.deepEqual(JSON.parse(data?.[`${metadata.name}.json`] ?? ''), dashboards.get(metadata.name))
    // n.b. kubectl keeps the whole object in an annotation, of 256 KiB at most.
    assert.ok(JSON.stringify(data).length < 200_000)
  }
})

for (const [name, dashboard] of dashboards) {
  const { templating, panels } = dashboard
  const variables = new Map(templating.list.map((variable) => [variable.name, variable]))
  const targets = panelsOf(dashboard).flatMap((panel) =>
    (panel.targets ?? []).map((target) => ({ ...target, panel: panel.title })),
  )

  test(`${name}: what is provisioned is not edited by hand, and says what it is for`, () => {
    assert.equal(dashboard.editable, false)
    assert.ok(dashboard.title.startsWith('kedafn / '))
    assert.ok(dashboard.description.length > 20)
  })

  test(`${name}: the data source is chosen on the page, and everything asks that one`, () => {
    const sources = templating.list.filter(({ type }) => type === 'datasource')
    assert.deepEqual(
      sources.map(({ name: source, query, label }) => [source, query, label]),
      [['datasource', 'prometheus', 'Data source']],
    )
    const asking = [...panelsOf(dashboard), ...targets, ...templating.list.filter(({ type }) => type === 'query')]
    for (const { datasource } of asking) assert.equal(datasource?.uid, '$datasource')
  })

  test(`${name}: variables follow the time range, and where several may be chosen all of them are at first`, () => {
    assert.equal(variables.get('job')?.multi, true)
    for (const variable of templating.list) {
      if (variable.type !== 'query') continue
      assert.equal(variable.refresh, 2, variable.name)
      assert.equal(variable.includeAll, variable.multi, variable.name)
      if (variable.multi) assert.equal(variable.allValue, '.+')
      assert.ok(variable.label.length > 0)
    }
  })

  test(`${name}: every panel has an id, a title, a description, a unit and a query`, () => {
    const ids = panels.map(({ id }) => id)
    assert.deepEqual(ids, [...new Set(ids)])
    const titles = panelsOf(dashboard).map(({ title }) => title)
    assert.deepEqual(titles, [...new Set(titles)])
    for (const { id, title, description = '', fieldConfig, targets: own = [] } of panelsOf(dashboard)) {
      assert.ok(Number.isInteger(id) && id > 0, title)
      assert.ok(title.length > 3 && title.length < 50, title)
      assert.match(description, /^[A-Z].{15,}\.$/s, title)
      assert.ok(units.has(fieldConfig?.defaults.unit ?? ''), title)
      assert.ok(own.length > 0, title)
    }
  })

  test(`${name}: rates are over $__rate_interval, and a counter is never shown as it is`, () => {
    for (const { expr, panel } of targets) {
      const bare = expr.replace(/"[^"]*"/g, '""')
      for (const [, window] of bare.matchAll(/\[([^\]]+)\]/g)) assert.equal(window, '$__rate_interval', panel)
      const rated = bare.replace(/\b(?:rate|irate|increase)\([^()]*\)/g, '')
      assert.doesNotMatch(rated, /_total\b/, panel)
      // n.b. Rate, then sum: a sum of counters falls when a process ends.
      assert.doesNotMatch(expr, /\b(?:rate|increase)\((?:sum|max)/, panel)
    }
  })

  test(`${name}: every selector says whose metric it is, by a variable of the dashboard`, () => {
    const jobs = /\bjob=~"\$(\w+)"/
    for (const { expr, panel } of targets) {
      const selectors = selectorsOf(expr)
      assert.ok(selectors.length > 0, panel)
      for (const { name: metric, labels } of selectors) {
        const [, variable = ''] = jobs.exec(labels) ?? []
        assert.equal(variables.get(variable)?.multi, true, `${panel}: ${metric}{${labels}}`)
      }
      for (const [, used = ''] of expr.matchAll(/\$(\w+)/g)) {
        assert.ok(used === '__rate_interval' || variables.has(used), `${panel}: $${used}`)
      }
      // With several values a variable is an expression, and only =~ takes one.
      for (const [, operator, used = ''] of expr.matchAll(/(=~?)"\$(\w+)"/g)) {
        assert.equal(operator === '=~', variables.get(used)?.multi, `${panel}: $${used}`)
      }
    }
  })

  test(`${name}: a legend names what tells series apart, shortly, and nothing that is summed away`, () => {
    for (const { title, targets: own = [], options, type } of panelsOf(dashboard)) {
      if (type === 'timeseries') assert.equal(options?.legend.showLegend, true, title)
      const legends = own.map(({ legendFormat }) => legendFormat)
      assert.deepEqual(legends, [...new Set(legends)], title)
      for (const { legendFormat, expr } of own) {
        assert.ok(legendFormat.length > 0 && legendFormat.replace(/\{\{\w+\}\}/g, '').length <= 25, title)
        const [, kept = ''] = /^(?:histogram_quantile\([^,]+, )?\w+ by \(([^)]*)\)/.exec(expr) ?? []
        const labels = kept.split(', ').filter((label) => label !== '' && label !== 'le')
        const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label)
        assert.deepEqual(named.toSorted(), labels.toSorted(), `${title}: ${expr}`)
      }
    }
  })

  test(`${name}: no two panels overlap, and each is wide enough for its legend`, () => {
    const places = panels.map(({ gridPos, title }) => ({ ...gridPos, title }))
    for (const [index, a] of places.entries()) {
      assert.ok(a.x >= 0 && a.w >= 8 && a.x + a.w <= columns, a.title)
      for (const b of places.slice(index + 1)) {
        const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y
        assert.ok(apart, `${a.title} lies on ${b.title}`)
      }
    }
    // No holes either: every row is full, or the last of its section.
    for (const { title, x, y } of places) {
      const left = places.some((other) => other.y <= y && other.y + other.h > y && other.x + other.w === x)
      assert.ok(x === 0 || left, title)
    }
  })

  test(`${name}: every metric of ours is one that functions have`, () => {
    const names = new Set(Object.entries<Metric>(metrics).map(([one, metric]) => prometheusName(one, metric)))
    for (const { expr, panel } of targets) {
      for (const [metric] of expr.matchAll(/\b(?:kedafn|messaging|faas)_[a-z0-9_]+/g)) {
        assert.ok(names.has(metric.replace(/_(?:bucket|sum|count)$/, '')), `${panel}: ${metric}`)
      }
    }
  })
}
