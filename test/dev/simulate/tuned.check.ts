/**
 * npm run test:tuned: what the tuning says is cheaper, a fleet of processes pays less for, too. It takes minutes, since it runs each
 * trace through two fleets.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hpaPeriods } from '../../../dev/autoscaler/scaled-object.ts'
import { percentile } from '../../../dev/simulate/report.ts'
import { simulate } from '../../../dev/simulate/simulation.ts'
import { tune } from '../../../dev/simulate/tune.ts'
import { type FleetTrace, runFleet, workOf } from './fleet-run.ts'

/** So many lines at each of these seconds. */
const lumps = (seconds: readonly number[], linesAt: (second: number) => number): FleetTrace['bursts'] =>
  seconds.map((second) => ({ atMs: second * 1000, lines: linesAt(second) }))
const every = (step: number, end: number): readonly number[] =>
  Array.from({ length: Math.ceil(end / step) }, (_, index) => index * step)

for (const [what, bursts] of [
  ['bursts', lumps([0, 150, 300], () => 600)],
  ['a wave', lumps(every(15, 300), (second) => Math.round(10 + 80 * (1 - Math.cos((2 * Math.PI * second) / 300))))],
  ['a trickle and a crowd', lumps(every(30, 300), (second) => (second === 120 ? 900 : 5))],
] as const) {
  test(`${what}: a fleet as it is tuned has the 99th percentile of the default one, for fewer pod-seconds`, async (t) => {
    const untuned: FleetTrace = {
      fast: 6,
      // What is rendered for a consumer of batches of 5 that says nothing of its scaling.
      setting: { value: 100, concurrency: 1, cooldownSeconds: 30, max: 10 },
      msPerLine: 300,
      bursts,
    }
    const before = await runFleet(t, untuned)
    const work = workOf(untuned)
    const expectedMs = percentile(simulate(before.object, work).latenciesMs, 0.99)
    const { best } = tune(before.object, work, { percentile: 0.99, belowMs: expectedMs + 1 })
    assert.ok(best)
    const after = await runFleet(t, { ...untuned, setting: best.setting })
    t.diagnostic(
      [
        `tuned to ${JSON.stringify(best.setting)}`,
        `simulated: p99 ${expectedMs} ms, ${simulate(before.object, work).podSeconds} -> ${best.podSeconds} pod-seconds`,
        `fleet: p99 ${before.p99Ms} -> ${after.p99Ms} ms, ${before.podSeconds} -> ${after.podSeconds} pod-seconds`,
      ].join('\n'),
    )
    assert.ok(after.p99Ms <= before.p99Ms + hpaPeriods.syncMs)
    assert.ok(after.podSeconds < before.podSeconds)
  })
}
