import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { readScaledObjects } from '../../../dev/autoscaler/reader.ts'
import { parseDuration } from '../../../dev/simulate/chance.ts'
import { simulateFluid } from '../../../dev/simulate/fluid.ts'
import { pictureOf } from '../../../dev/simulate/picture.ts'
import { percentile, reportOf, summaryOf } from '../../../dev/simulate/report.ts'
import { simulate, type Workload } from '../../../dev/simulate/simulation.ts'
import { applied, choices, parseTarget, tune } from '../../../dev/simulate/tune.ts'
import { objectWith } from '../autoscaler/objects.ts'

/** 20 messages a second for a minute, a pause of two, three times. */
const arrivals = Float64Array.from(
  { length: 3600 },
  (_, index) => Math.floor(index / 1200) * 180_000 + (index % 1200) * 50,
)
const work: Workload = {
  arrivals,
  handler: () => 500,
  coldStart: () => 2000,
  concurrency: 1,
  batchSize: 1,
  prefetch: 10,
  graceMs: 30_000,
  cpuShare: 0.2,
  statsIntervalMs: 5000,
  seed: 1,
}
const object = objectWith({ pollingIntervalMs: 5000 })

test('tuning meets its target, and no setting one step away is cheaper and meets it too', () => {
  const target = parseTarget('p99<40s')
  const { best } = tune(object, work, target)
  assert.ok(best)
  const run = (setting: typeof best.setting) => simulate(...applied(object, work, setting))
  const again = run(best.setting)
  assert.ok(percentile(again.latenciesMs, 0.99) < 40_000)
  assert.equal(again.podSeconds, best.podSeconds)
  for (const name of ['value', 'concurrency', 'cooldownSeconds', 'max'] as const) {
    for (const choice of choices[name]) {
      const other = run({ ...best.setting, [name]: choice })
      const meets = other.left === 0 && percentile(other.latenciesMs, 0.99) < 40_000
      assert.ok(!meets || other.podSeconds >= best.podSeconds)
    }
  }
  assert.ok(best.podSeconds < simulate(object, work).podSeconds)
  assert.deepEqual(tune(object, work, target).best, best)
})

/** A message every `1 / rate` s, the rate being that of the second. */
function stream(seconds: number, rateAt: (second: number) => number): Float64Array {
  const times: number[] = []
  for (let second = 0; second < seconds; second++) {
    const rate = Math.round(rateAt(second))
    for (let index = 0; index < rate; index++) times.push((second + index / rate) * 1000)
  }
  return Float64Array.from(times)
}

const rendered = readFileSync(new URL('../../../keda/base/log-consumer.yaml', import.meta.url), 'utf8')
// What a spec that says nothing of its scaling gets.
const [unsaid = object] = readScaledObjects([
  { path: 'rendered', text: rendered.replace(/value: "\d+"/, 'value: "100"') },
]).objects

for (const [what, arrivals] of [
  ['bursts', stream(1800, (second) => (second % 600 < 60 ? 200 : 0))],
  ['waves', stream(1800, (second) => 60 * (1 - Math.cos((2 * Math.PI * second) / 900)))],
  ['a trickle and crowds', stream(1800, (second) => (second % 120 < 10 ? 5 : second % 900 < 300 ? 40 : 0))],
] as const) {
  test(`tuned for the 99th percentile that the defaults have, ${what} cost fewer pod-seconds than with them`, (t) => {
    const handler = parseDuration('--handler', 'lognormal:200ms,900ms')
    const busy: Workload = { ...work, arrivals, handler, concurrency: 10, prefetch: 20, cpuShare: 0.1 }
    const untuned = simulate(unsaid, busy)
    const latencyMs = percentile(untuned.latenciesMs, 0.99)
    const { best } = tune(unsaid, busy, { percentile: 0.99, belowMs: latencyMs + 1 })
    assert.ok(best && best.latencyMs <= latencyMs)
    t.diagnostic(`${Math.round(untuned.podSeconds)} pod-seconds by default, ${Math.round(best.podSeconds)} tuned`)
    assert.ok(best.podSeconds < untuned.podSeconds)
  })
}

test('a target that nothing meets is said to be so, with what was tried', () => {
  const { best, trials } = tune(object, work, parseTarget('p99<1ms'))
  assert.equal(best, null)
  assert.ok(trials.length > 10)
  assert.throws(() => parseTarget('99<30s'), /--tune is "99<30s"; expected/)
})

test('the report, the summary and the picture tell the same', () => {
  const result = simulate(object, work)
  const summary = summaryOf(result)
  assert.equal(summary.done, 3600)
  assert.match(reportOf(result), new RegExp(`${summary.podSeconds}\n`))
  const picture = pictureOf(result, 'a < b')
  assert.match(picture, /a &lt; b/)
  assert.doesNotMatch(picture, /NaN|undefined/)
})

test('in the summary model nothing is lost, equal seeds have equal results, and functions sleep', () => {
  const options = {
    functions: 200,
    messagesPerSecond: 20_000,
    seconds: 1800,
    skew: 0.5,
    activeShare: 0.5,
    replicaRate: 200,
    coldStartMs: 2000,
    seed: 1,
  }
  const result = simulateFluid(objectWith({ cooldownMs: 60_000 }), options)
  assert.ok(Math.abs(result.arrived - result.done - result.left) < 1e-3 * result.arrived)
  assert.ok(Math.abs(result.arrived / (20_000 * 1800) - 1) < 0.2)
  assert.ok(result.asleepShare > 0.2 && result.asleepShare < 0.6)
  assert.deepEqual(simulateFluid(objectWith({ cooldownMs: 60_000 }), options), result)
})
