import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Measurements } from '../../runtime/core/measurements.ts'
import { TestClock } from '../../runtime/doubles/clock.ts'
import { countingInstruments } from '../../runtime/telemetry/instruments.ts'
import { Lifetime } from '../../runtime/telemetry/lifetime.ts'

function lifetime() {
  const measurements = new Measurements()
  const clock = new TestClock()
  const measured = new Lifetime(
    countingInstruments(() => {}, measurements),
    clock,
  )
  const shown = (name: string) => {
    const family = measurements.families('consumer').find((candidate) => candidate.name === name)
    return Object.fromEntries([...(family?.points ?? [])].filter(([, value]) => value !== 0))
  }
  return { measured, clock, shown }
}

test('before a drain nothing is said of one, whatever happens', () => {
  const { measured, shown } = lifetime()
  measured.drainSaw('done')
  assert.equal(measured.drainOutcome, null)
  assert.deepEqual(shown('kedafn.drain.outcome'), {})
})

test('a drain is pending, then aborted while its handlers give up, and exactly one outcome is 1', async () => {
  const { measured, clock, shown } = lifetime()
  measured.drain()
  assert.deepEqual(shown('kedafn.drain.outcome'), { pending: 1 })
  await clock.tick(2500)
  measured.drainSaw('abort-due')
  assert.deepEqual(shown('kedafn.drain.outcome'), { aborted: 1 })
  assert.deepEqual(shown('kedafn.drain.duration'), { '': 2.5 })
  measured.drainSaw('grace-over')
  assert.deepEqual(shown('kedafn.drain.outcome'), { over_budget: 1 })
  assert.equal(measured.drainOutcome, 'over_budget')
})
