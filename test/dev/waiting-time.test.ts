import assert from 'node:assert/strict'
import { test } from 'node:test'
import { WaitingTime } from '../../dev/waiting-time.ts'

test('the line written last waited since its count was confirmed', () => {
  const waiting = new WaitingTime()
  const told = [
    [0, 0, 0],
    [1000, 100, 0],
    [2000, 200, 0],
    [3000, 200, 100],
    [4000, 200, 150],
    [5000, 200, 200],
    [6000, 200, 200],
  ].map(([atMs = 0, confirmed = 0, written = 0]) => waiting.add(atMs, confirmed, written))
  assert.deepEqual(told, [null, null, null, 2000, 2000, 3000, null])
})

test('what an earlier run left says nothing about waiting', () => {
  const waiting = new WaitingTime()
  waiting.add(0, 0, 0)
  assert.equal(waiting.add(1000, 0, 10), null)
})
