import assert from 'node:assert/strict'
import { test } from 'node:test'
import { figure, pageOf } from '../../../bench/harness/page.ts'
import { pictureOf } from '../../../bench/harness/picture.ts'
import { judge, type Result, tabulate } from '../../../bench/harness/result.ts'
import { comparison, resultOf } from './results.ts'

const page = (results: readonly Result[], bounds = {}) =>
  pageOf({ machine: ['2 x a processor'], results, picture: 'images/bench.svg', bounds })

test('figures have three digits that count', () => {
  assert.deepEqual([0.123, 1.005, 12.34, 99.96, 1234.5].map(figure), ['0.12', '1.00', '12.3', '100.0', '1,235'])
})

test('a ratio has a line with its goal, its median, its spread, both sides and its row', () => {
  const text = page([resultOf([90, 110, 100], [100, 100, 100])])
  assert.ok(
    text.includes('| ours / bare | >= 0.90 | 1.00 | 0.90 to 1.10 | ours 100, bare 100 lines/s | 3 | `row` |'),
    text,
  )
  assert.ok(text.includes('No goal was missed.'))
})

test('a goal that is missed is marked, and named among the losses with what bounds it', () => {
  const results = [resultOf([80], [100])]
  assert.ok(page(results).includes('| **0.80**, missed |'))
  assert.ok(page(results).includes('- ours / bare: 0.80, goal >= 0.90. look at it with'))
  assert.ok(page(results, { 'row/bare': 'The broker.' }).includes('- ours / bare: 0.80, goal >= 0.90. The broker.'))
})

test('what could not be had, and what was disturbed, stands on the page', () => {
  const text = page([{ ...resultOf([100], [100]), skipped: ['no compiler'], disturbed: 1 }])
  assert.ok(text.includes('- `row`: not measured here: no compiler'))
  assert.ok(text.includes('**Disturbed** by other load: `row`'))
})

test('growth is a table with an exponent for each quantity', () => {
  const samples = { '1': [{ ms: 5 }], '10': [{ ms: 50 }] }
  const points = [1, 10].map((x) => ({ side: `${x}`, x }))
  const grown = tabulate({ x: 'functions', points, metrics: [{ metric: 'ms', unit: 'ms' }] }, samples)
  const text = page([{ ...resultOf([], []), section: 'Growth', growth: [grown] }])
  assert.match(
    text,
    /\| functions \| ms \|\n\|---\|---\|\n\| 1 \| 5\.00 .*\n\| 10 \| 50\.0 .*\n\| exponent \| 1\.00 \|/,
  )
})

test('a comparison whose side was not measured here is left out', () => {
  assert.deepEqual(judge([comparison], { ours: [{ rate: 1 }] }), [])
  assert.throws(() => judge([comparison], { ours: [{}], bare: [{ rate: 1 }] }), /ours has no rate/)
})

test('the picture has a bar for each rate and a piece for each phase', () => {
  const svg = pictureOf({
    throughput: [
      { label: 'a < b', value: 1000 },
      { label: 'c', value: 1_000_000 },
    ],
    coldStart: [
      {
        label: 'ours',
        phases: [
          { name: 'start of Node', ms: 20 },
          { name: 'ack', ms: 5 },
        ],
      },
    ],
  })
  assert.ok(svg.includes('a &lt; b'))
  assert.ok(svg.includes('>25.0 ms<'))
  assert.equal(svg.match(/height="22"/g)?.length, 4)
})
