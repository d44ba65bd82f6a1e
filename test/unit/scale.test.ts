import assert from 'node:assert/strict'
import { test } from 'node:test'
import { abortAfterMs, maxPrefetch, prefetchFor, prefetchOf } from '../../runtime/core/scale.ts'

test('prefetch is twice what the handlers can hold, and at least 10', () => {
  for (const [batchSize, concurrency, prefetch] of [
    [1, 1, 10],
    [1, 5, 10],
    [1, 6, 12],
    [1, 10, 20],
    [500, 1, 1000],
    [10_000, 3, 60_000],
  ] as const) {
    assert.equal(prefetchOf(batchSize, concurrency), prefetch, `${batchSize} x ${concurrency}`)
  }
})

test('the protocol has 16 bits for the prefetch', () => {
  assert.equal(maxPrefetch, 2 ** 16 - 1)
})

test('handlers are told to give up a tenth of the grace period before it ends, within bounds', () => {
  for (const [graceMs, afterMs] of [
    [1000, 500],
    [2000, 1500],
    [5000, 4500],
    [10_000, 9000],
    [30_000, 27_000],
    [50_000, 45_000],
    [3_600_000, 3_595_000],
    [400, 200],
    [0, 0],
  ] as const) {
    assert.equal(abortAfterMs(graceMs), afterMs, `grace ${graceMs}`)
  }
})

test('a prefetch is no more than one replica is for, or than is through in 28 minutes, and no less than what runs', () => {
  const capacity = {
    batchSize: 1,
    batchMaxWaitMs: 0,
    concurrency: 1,
    timeoutMs: 1000,
    linesPerMessage: 1,
    messagesPerReplica: undefined,
  }
  for (const [changed, prefetch] of [
    [{}, 10],
    [{ batchSize: 500 }, 1000],
    [{ batchSize: 500, messagesPerReplica: 1000 }, 1000],
    [{ batchSize: 500, messagesPerReplica: 100 }, 500],
    [{ concurrency: 10, messagesPerReplica: 15 }, 15],
    [{ messagesPerReplica: 1 }, 1],
    [{ timeoutMs: 300_000 }, 5],
    [{ timeoutMs: 840_000 }, 2],
    [{ timeoutMs: 840_000, batchMaxWaitMs: 1 }, 1],
    [{ timeoutMs: 1_500_000, batchMaxWaitMs: 60_000, concurrency: 100 }, 100],
    [{ timeoutMs: 1_500_000, batchMaxWaitMs: 60_000, batchSize: 3, concurrency: 1 }, 3],
    [{ batchSize: 500, linesPerMessage: 100 }, 10],
    [{ batchSize: 500, linesPerMessage: 300 }, 4],
    [{ batchSize: 1, concurrency: 10, linesPerMessage: 100 }, 1],
    [{ batchSize: 500, linesPerMessage: 100, messagesPerReplica: 7 }, 7],
    [{ batchSize: 10, timeoutMs: 300_000, linesPerMessage: 25 }, 1],
    [{ batchSize: 10, timeoutMs: 300_000, linesPerMessage: 10 }, 2],
  ] as const) {
    assert.equal(prefetchFor({ ...capacity, ...changed }), prefetch, JSON.stringify(changed))
  }
})
