import assert from 'node:assert/strict'
import { test } from 'node:test'
import { soak } from './pipeline-soak.ts'

test('processes killed, drained and paused, connections closed and a broker restarted: every line is accounted for', async (t) => {
  const { problems, ...ledger } = await soak({ durationMs: 20_000, seed: 1, say: () => {} })
  t.diagnostic(JSON.stringify(ledger))
  assert.deepEqual(problems, [])
  assert.ok(ledger.events['broker restarted'] >= 1 && ledger.events.crash >= 1, JSON.stringify(ledger.events))
})
