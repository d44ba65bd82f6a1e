import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noCounters } from '../../runtime/core/counters.ts'

test('every counter begins at 0', () => {
  assert.ok(Object.keys(noCounters).length > 0)
  for (const [name, total] of Object.entries(noCounters)) assert.equal(total, 0, name)
})
