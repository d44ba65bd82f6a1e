import assert from 'node:assert/strict'
import { test } from 'node:test'
import { jitteredDelayMs, reconnectDelayMs, retryDelayMs, retryLadder } from '../../runtime/core/backoff.ts'

test('a reconnect waits between nothing and a bound that doubles up to its cap', () => {
  const almostOne = () => 1 - Number.EPSILON
  for (const [attempt, boundMs] of [
    [0, 100],
    [1, 200],
    [2, 400],
    [3, 800],
    [4, 1000],
    [31, 1000],
    [10_000, 1000],
  ] as const) {
    assert.equal(
      reconnectDelayMs(attempt, () => 0),
      0,
    )
    assert.equal(
      reconnectDelayMs(attempt, () => 0.5),
      boundMs / 2,
    )
    const longestMs = reconnectDelayMs(attempt, almostOne)
    assert.ok(longestMs < boundMs && longestMs > boundMs * 0.999, `attempt ${attempt}: ${longestMs}`)
  }
})

test('base and cap of the reconnect delay can be chosen', () => {
  assert.equal(
    reconnectDelayMs(1, () => 0.5, 10, 1000),
    10,
  )
  assert.equal(
    reconnectDelayMs(9, () => 0.5, 10, 40),
    20,
  )
})

const ladders = [
  { attempts: 5, firstDelayMs: 1000, maxDelayMs: 60_000, ladder: [1000, 2000, 4000, 8000] },
  { attempts: 9, firstDelayMs: 1000, maxDelayMs: 60_000, ladder: [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000] },
  { attempts: 1, firstDelayMs: 1000, maxDelayMs: 60_000, ladder: [] },
  { attempts: 2, firstDelayMs: 10, maxDelayMs: 10, ladder: [10] },
  { attempts: 100, firstDelayMs: 500, maxDelayMs: 500, ladder: [500] },
  { attempts: 100, firstDelayMs: 300, maxDelayMs: 1000, ladder: [300, 600, 1000] },
]

test('the retry ladder has each delay once, shortest first', () => {
  for (const { ladder, ...retry } of ladders) assert.deepEqual(retryLadder(retry), ladder, JSON.stringify(retry))
})

test('every delay that a failed attempt can get is a rung of the ladder', () => {
  for (const { ladder, ...retry } of ladders) {
    for (let failed = 1; failed < retry.attempts; failed++) {
      assert.ok(ladder.includes(retryDelayMs(failed, retry)), `${JSON.stringify(retry)}, failed ${failed}`)
    }
  }
})

test('the longest ladder that the options allow stays finite', () => {
  const retry = { attempts: 100, firstDelayMs: 86_400_000, maxDelayMs: 86_400_000 }
  assert.equal(retryDelayMs(99, retry), 86_400_000)
  assert.equal(retryLadder({ attempts: 100, firstDelayMs: 10, maxDelayMs: 86_400_000 }).length, 25)
})

test('the jittered delay is between half of the delay and all of it, never nothing', () => {
  assert.equal(
    jitteredDelayMs(1000, () => 0),
    500,
  )
  assert.equal(
    jitteredDelayMs(1000, () => 1),
    1000,
  )
  assert.equal(
    jitteredDelayMs(1, () => 0),
    1,
  )
})
