import assert from 'node:assert/strict'
import { test } from 'node:test'
import { longRun } from './long-run.ts'

test('20,000 lines through three faults of broker and network: none is lost, first appearances are in order', async (t) => {
  const { missing, strangers, ordered, repeated, faults, exitCodes } = await longRun(20_000, (line) =>
    t.diagnostic(line),
  )
  assert.deepEqual({ missing, strangers, ordered }, { missing: 0, strangers: 0, ordered: true })
  // window + prefetch, for each fault
  assert.ok(repeated <= faults * (1000 + 1000), `${repeated} repeats`)
  assert.deepEqual(exitCodes, [0, 0])
})
