import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Distribution, Measurements } from '../../runtime/core/measurements.ts'
import { labelValuesOf, type MetricName } from '../../runtime/core/metrics.ts'

function points(measurements: Measurements, name: MetricName, of: 'consumer' | 'producer' = 'consumer') {
  const family = measurements.families(of).find((candidate) => candidate.name === name)
  assert.ok(family, name)
  return Object.fromEntries(family.points)
}

test('every series is there from the beginning, at 0', () => {
  for (const kind of ['consumer', 'producer'] as const) {
    for (const { name, metric, points } of new Measurements().families(kind)) {
      assert.deepEqual([...points.keys()], labelValuesOf(metric), name)
      for (const point of points.values()) {
        if (typeof point === 'number') assert.equal(point, 0, name)
        else assert.deepEqual([point.count, point.sum, Math.max(...point.buckets)], [0, 0, 0], name)
      }
    }
  }
})

test('what is counted adds up under its label', () => {
  const measurements = new Measurements()
  measurements.count('kedafn.retries', 2, 'FN_HANDLER_FAILED')
  measurements.count('kedafn.retries', 3, 'FN_HANDLER_FAILED')
  measurements.count('faas.coldstarts', 1)
  assert.equal(points(measurements, 'kedafn.retries').FN_HANDLER_FAILED, 5)
  assert.equal(points(measurements, 'faas.coldstarts')[''], 1)
})

test('labels that nobody declared make no series: they count as the last one', () => {
  const measurements = new Measurements()
  const before = points(measurements, 'kedafn.dead_letters')
  for (let n = 0; n < 1000; n++) measurements.count('kedafn.dead_letters', 1, `"} 1\n# HELP ${n}`)
  const after = points(measurements, 'kedafn.dead_letters')
  assert.deepEqual(Object.keys(after), Object.keys(before))
  assert.equal(after.other, 1000)
})

test('a value falls in the bucket of the least bound that it does not exceed, or beyond all', () => {
  const measurements = new Measurements()
  for (const size of [1, 2, 3, 20_000]) measurements.record('kedafn.batch.size', size)
  measurements.record('kedafn.batch.size', 3, '', 5)
  const { buckets, count, sum } = points(measurements, 'kedafn.batch.size')[''] as Distribution
  assert.deepEqual(buckets.slice(0, 4), [1, 1, 6, 0])
  assert.equal(buckets.at(-1), 1)
  assert.equal(count, 9)
  assert.equal(sum, 20_021)
})

test('what was read once does not change any more', () => {
  const measurements = new Measurements()
  const before = points(measurements, 'kedafn.batch.size')[''] as Distribution
  measurements.record('kedafn.batch.size', 1)
  assert.equal(before.count, 0)
  assert.equal(before.buckets[0], 0)
})

test('readings are asked by whoever looks, added up, and no more once they ended', () => {
  const measurements = new Measurements()
  let inFlight = 3
  measurements.observe('kedafn.deliveries.in_flight', () => inFlight)
  const end = measurements.observe('kedafn.deliveries.in_flight', () => 10)
  assert.equal(points(measurements, 'kedafn.deliveries.in_flight')[''], 13)
  inFlight = 4
  end()
  assert.equal(points(measurements, 'kedafn.deliveries.in_flight')[''], 4)
})

test('totals are shown as they are', () => {
  const measurements = new Measurements()
  measurements.counters.messages = 7
  measurements.counters.handedBack = 2
  assert.equal(points(measurements, 'messaging.client.consumed.messages')[''], 7)
  assert.equal(points(measurements, 'kedafn.deliveries.settled').handed_back, 2)
})
