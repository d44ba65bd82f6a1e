import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readArrivals } from '../../../dev/simulate/arrivals.ts'
import { parseDuration, seededRandom } from '../../../dev/simulate/chance.ts'
import { Heap } from '../../../dev/simulate/heap.ts'

test('counts are spread over the seconds to the next line', () => {
  assert.deepEqual([...readArrivals('seconds,count\n0,2\n# quiet\n10,1\n', 'a.csv')], [0, 5000, 10_000])
})

test('a log has one arrival a timestamp, in order, from the first one on', () => {
  const log = 'x 2026-01-01T00:00:02Z b\n  at stack\n2026-01-01 00:00:00,500Z a\n'
  assert.deepEqual([...readArrivals(log, 'a.log')], [0, 1500])
})

test('what is no trace is refused with its line', () => {
  for (const [text, expected] of [
    ['', /a\.csv holds no arrivals/],
    ['0,1\nx,2', /a\.csv:2: "x,2"; expected seconds,count/],
    ['5,1\n4,1', /a\.csv:1: the next line goes back in time/],
    ['0,1e9', /at most 50000000/],
  ] as const) {
    assert.throws(() => readArrivals(text, 'a.csv'), expected)
  }
})

test('durations have the mean and the percentiles they are named by', () => {
  const draw = (text: string): number[] => {
    const random = seededRandom(3)
    const duration = parseDuration('--handler', text)
    return Array.from({ length: 20_000 }, () => duration(random)).sort((a, b) => a - b)
  }
  const near = (value: number | undefined, expected: number) =>
    assert.ok(Math.abs((value ?? 0) / expected - 1) < 0.1, `${value} is not near ${expected}`)
  near(draw('2s')[0], 2000)
  near(draw('exponential:50ms').reduce((sum, ms) => sum + ms, 0) / 20_000, 50)
  near(draw('uniform:10ms,90ms')[10_000], 50)
  near(draw('lognormal:50ms,400ms')[10_000], 50)
  near(draw('lognormal:50ms,400ms')[19_800], 400)
  assert.throws(() => draw('50'), /--handler is "50"; expected a duration/)
  assert.throws(() => draw('normal:5ms'), /--handler is "normal:5ms"/)
})

test('what is due first comes first, and of equals what was there first', () => {
  const heap = new Heap<string>()
  for (const [at, item] of [
    [3, 'c'],
    [1, 'a'],
    [3, 'd'],
    [1, 'b'],
    [2, 'x'],
  ] as const)
    heap.push(at, item)
  const order = Array.from({ length: 6 }, () => heap.pop())
  assert.deepEqual(order, ['a', 'b', 'x', 'c', 'd', undefined])
})
