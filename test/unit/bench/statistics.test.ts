import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exponentOf, median, percentile, ratiosOf, summaryOf } from '../../../bench/harness/statistics.ts'

test('the median is the middle one, or half-way between the middle two, whatever the order', () => {
  assert.equal(median([9, 1, 5]), 5)
  assert.equal(median([4, 1, 3, 2]), 2.5)
  assert.throws(() => median([]), RangeError)
})

test('a summary tells the least and the most besides', () => {
  assert.deepEqual(summaryOf([3, 1, 2]), { median: 2, min: 1, max: 3 })
})

test('each round has its own ratio, and a round of one side only has none', () => {
  assert.deepEqual(ratiosOf([10, 20, 30], [5, 5]), [2, 4])
})

test('a percentile is the value that so much of the whole is below', () => {
  const values = Array.from({ length: 100 }, (_, index) => 99 - index)
  assert.equal(percentile(values, 0.99), 99)
  assert.equal(percentile(values, 0.5), 50)
  assert.equal(percentile([7], 1), 7)
  assert.throws(() => percentile([], 0.5), RangeError)
})

test('the exponent is 1 for what doubles with x, 2 for squares, 0 for what stays', () => {
  const grown = (power: number) => [1, 10, 100].map((x) => [x, 3 * x ** power] as const)
  for (const power of [0, 1, 2, -0.5]) assert.ok(Math.abs(exponentOf(grown(power)) - power) < 1e-9)
  assert.throws(() => exponentOf([[5, 1]]), RangeError)
})
