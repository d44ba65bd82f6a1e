import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hpaPeriods } from '../../../dev/autoscaler/scaled-object.ts'
import { simulate } from '../../../dev/simulate/simulation.ts'
import { deviation, type Timeline } from '../autoscaler/recording.ts'
import { type FleetTrace, runFleet, workOf } from './fleet-run.ts'

test('a fleet of processes and the simulation of the same trace agree within one period', async (t) => {
  const trace: FleetTrace = {
    fast: 6,
    setting: { value: 60, concurrency: 1, cooldownSeconds: 30, max: 10 },
    msPerLine: 600,
    bursts: [{ atMs: 0, lines: 600 }],
  }
  const { object, timeline, seconds } = await runFleet(t, trace)
  const { steps } = simulate(object, workOf(trace))
  const simulated: Timeline = [[0, 0], ...steps.map(({ atMs, replicas }) => [atMs / 1000, replicas] as const)]
  const toleranceSeconds = (hpaPeriods.syncMs + object.pollingIntervalMs) / 1000
  const off = deviation(timeline, simulated, seconds, true)
  const both = `fleet     ${JSON.stringify(timeline)}\nsimulated ${JSON.stringify(simulated)}`
  t.diagnostic(`at most ${off.toFixed(1)} s of a cluster apart, ${toleranceSeconds} s are allowed\n${both}`)
  assert.ok(off <= toleranceSeconds, both)
})
