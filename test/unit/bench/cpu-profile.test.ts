import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type CpuProfile, hottest } from '../../../bench/harness/cpu-profile.ts'
import { flameGraphOf } from '../../../bench/harness/flame.ts'

const node = (id: number, functionName: string, children: number[] = []) => ({
  id,
  callFrame: {
    functionName,
    url: functionName.startsWith('(') ? '' : 'file:///a/b.js',
    lineNumber: 4,
    columnNumber: 0,
  },
  children,
})

const profile: CpuProfile = {
  nodes: [
    node(1, '(root)', [2, 3, 4]),
    node(2, 'work', [5]),
    node(3, '(idle)'),
    node(4, '(garbage collector)'),
    node(5, 'work'),
  ],
  samples: [2, 3, 4, 5],
  timeDeltas: [50, 900, 25, 25],
}

test('the hottest functions are by their own time, alike ones together, idle time left out', () => {
  assert.deepEqual(hottest(profile, 5), [
    { name: 'work b.js:5:1', share: 0.75 },
    { name: '(garbage collector)', share: 0.25 },
  ])
  assert.equal(hottest(profile, 1).length, 1)
})

test('a flame graph has a box for each function that took time, with its share', () => {
  const svg = flameGraphOf(profile, 'a profile')
  assert.equal(svg.match(/<title>/g)?.length, 4)
  assert.ok(svg.includes('<title>work b.js:5:1: 75.0 %</title>'))
  assert.ok(!svg.includes('(idle)'))
})
