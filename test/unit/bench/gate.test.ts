import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeAgainst, withBaselines } from '../../../bench/harness/gate.ts'
import { resultOf } from './results.ts'

const verdictOf = (ratio: number, baseline: number, better: 'higher' | 'lower' = 'higher') =>
  judgeAgainst({ 'row/bare': baseline }, [resultOf([ratio * 100], [100], { better, goal: null })])

test('the gate fails on a ratio below 0.85 of its baseline, and says which', () => {
  const { failed, failures, line } = verdictOf(0.84, 1)
  assert.equal(failed, true)
  assert.deepEqual(failures, ['row/bare is 0.84, its baseline is 1.00, allowed is 0.85'])
  assert.match(line, /^FAILED: 1 ratios against their baselines, 1 failed/)
})

test('the gate passes a ratio that is a little worse, as good, or better', () => {
  for (const ratio of [0.86, 1, 3]) assert.equal(verdictOf(ratio, 1).failed, false)
})

test('where less is better the gate fails on what is more', () => {
  assert.equal(verdictOf(1.16, 1, 'lower').failed, false)
  assert.equal(verdictOf(1.19, 1, 'lower').failed, true)
  assert.equal(verdictOf(0.2, 1, 'lower').failed, false)
})

test('a limit fails whatever the baseline', () => {
  const result = resultOf([230], [100], { better: 'lower', goal: 1.9, limit: 2.2 })
  const { failures } = judgeAgainst({ 'row/bare': 5 }, [result])
  assert.deepEqual(failures, ['row/bare is 2.30, its limit is 2.20'])
})

test('what has no baseline, and what is no ratio, is not gated', () => {
  assert.equal(judgeAgainst({}, [resultOf([1], [100])]).failed, false)
  assert.equal(judgeAgainst({ 'row/bare': 100 }, [resultOf([1], [100], { to: null })]).failed, false)
})

test('the verdict is one line: baselines, goals, and whether other load disturbed it', () => {
  const results = [resultOf([100], [100]), { ...resultOf([80], [100]), disturbed: 2 }]
  assert.equal(
    judgeAgainst({}, results).line,
    'passed: 0 ratios against their baselines, 0 failed; 1 of 2 goals met; 1 of 2 rows DISTURBED by other load',
  )
})

test('new ratios get a baseline, those that have one keep it unless told otherwise', () => {
  const results = [resultOf([123.456], [100])]
  assert.deepEqual(withBaselines({}, results, false), { 'row/bare': 1.23 })
  assert.deepEqual(withBaselines({ 'row/bare': 2, a: 1 }, results, false), { a: 1, 'row/bare': 2 })
  assert.deepEqual(withBaselines({ 'row/bare': 2 }, results, true), { 'row/bare': 1.23 })
  assert.deepEqual(withBaselines({}, [resultOf([5], [1], { to: null })], true), {})
})
