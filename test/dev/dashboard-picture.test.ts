import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { axisOf, inUnit } from '../../dev/dashboards/units.ts'

test('a number is shown in its unit, in three digits', () => {
  const shown = [
    [0.01234, 's', '12.3 ms'],
    [2.5, 's', '2.5 s'],
    [1536, 'bytes', '1.5 KiB'],
    [50_400_000_000, 'decbytes', '50.4 GB'],
    [1234, 'cps', '1.23 K c/s'],
    [0.5, 'percentunit', '50 %'],
    [0, 'bool', 'no'],
    [19_300, 'short', '19.3 K'],
    [Number.NaN, 'short', '–'],
  ] as const
  for (const [value, unit, text] of shown) assert.equal(inUnit(value, unit), text)
})

test('an axis ends at a round number above the highest value, in the steps of its unit', () => {
  assert.deepEqual(axisOf(0, 'short'), { top: 1, step: 1 })
  assert.deepEqual(axisOf(87, 'short'), { top: 100, step: 50 })
  assert.deepEqual(axisOf(3 * 1024 * 1024, 'bytes'), { top: 3 * 1024 * 1024, step: 1024 * 1024 })
})

test('what cannot be drawn is told with what there is', () => {
  const draw = (...args: string[]) =>
    spawnSync(process.execPath, ['dev/dashboards/main.ts', ...args], { encoding: 'utf8' })
  const cases = [
    [['none'], 2, /there is no dashboard 'none'; there are kedafn-autoscaling, /],
    [['kedafn-functions', '--from', 'noon'], 2, /--from takes a number of seconds, not 'noon'/],
    [['kedafn-functions', '--var', 'job'], 2, /--var takes NAME=VALUE, not 'job'/],
    [['kedafn-autoscaling', '--prometheus', 'http://127.0.0.1:1'], 1, /the variable \w+ has no value|fetch failed/],
  ] as const
  for (const [args, code, message] of cases) {
    const { status, stderr } = draw(...args)
    assert.equal(status, code, stderr)
    assert.match(stderr, message)
  }
})
