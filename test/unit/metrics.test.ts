import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCodes } from '../../runtime/core/errors.ts'
import { labelValuesOf, type Metric, metrics, metricsOf, prometheusName } from '../../runtime/core/metrics.ts'

const all = Object.entries<Metric>(metrics)

test('a name in Prometheus has the unit, and of a counter `_total`', () => {
  assert.equal(prometheusName('faas.coldstarts', { kind: 'counter', unit: '{coldstart}' }), 'faas_coldstarts_total')
  assert.equal(prometheusName('a.b', { kind: 'counter', unit: 's' }), 'a_b_seconds_total')
  assert.equal(prometheusName('lag', { kind: 'gauge', unit: 'By' }), 'lag_bytes')
})

test('no two metrics have the same name in Prometheus, nor does one end like a part of a histogram', () => {
  const names = all.map(([name, metric]) => prometheusName(name, metric))
  assert.equal(new Set(names).size, names.length)
  for (const name of names) assert.match(name, /^[a-z][a-z0-9_]*$/)
  for (const name of names) assert.doesNotMatch(name, /_(count|sum|bucket|info)(_total)?$/)
})

test('each metric has a unit that is known, a sentence, and its bounds in order if it is a histogram', () => {
  for (const [name, { unit, description, kind, bounds }] of all) {
    assert.match(unit, /^(s|By|\{[a-z]+\})$/, name)
    assert.match(description, /^[A-Z1].*\.$/, name)
    assert.equal(bounds !== undefined, kind === 'histogram', name)
    const list = [...(bounds ?? [])]
    assert.deepEqual(
      list,
      [...new Set(list)].sort((a, b) => a - b),
      name,
    )
  }
})

test('a label of causes knows nothing but codes of errors, and what stands for all others', () => {
  for (const name of ['kedafn.retries', 'kedafn.dead_letters'] as const) {
    const values = labelValuesOf(metrics[name])
    assert.equal(values.at(-1), 'other')
    for (const value of values.slice(0, -1)) assert.ok((errorCodes as string[]).includes(value), value)
  }
})

test('totals are shown for the values that the label has', () => {
  for (const [name, { label, totals }] of all) {
    if (label && totals) assert.deepEqual(Object.keys(totals), label.values, name)
  }
})

test('a consumer has nothing of a producer, and the other way round', () => {
  const namesOf = (of: 'consumer' | 'producer') => metricsOf(of).map(([name]) => name)
  assert.ok(namesOf('consumer').includes('kedafn.batch.size'))
  assert.ok(!namesOf('consumer').includes('kedafn.lines'))
  assert.ok(namesOf('producer').includes('kedafn.lines'))
  assert.ok(!namesOf('producer').includes('kedafn.batch.size'))
  assert.equal(new Set([...namesOf('consumer'), ...namesOf('producer')]).size, all.length)
})
