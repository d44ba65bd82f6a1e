import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Comparison } from '../../dev/compare.ts'
import type { Depth } from '../../dev/queue-depth.ts'
import { type RunFacts, summaryOf } from '../../dev/summary.ts'

const empty: Depth = { queue: 'logs', ready: 0, retrying: 0, dead: 0 }
const equal: Comparison = { equal: true, expected: 200_000, missing: 0, duplicates: 0, foreign: 0, inOrder: true }
const good: RunFacts = {
  once: true,
  interrupted: false,
  sent: 200_000,
  confirmed: 200_000,
  written: 200_000,
  skipped: 0,
  restarts: 0,
  tookMs: 4000,
  unwell: [],
  before: [empty],
  after: [empty],
  comparison: equal,
  keepsQueues: true,
}

test('a run without a fault says so in six lines and ends with 0', () => {
  assert.deepEqual(summaryOf(good), {
    exitCode: 0,
    lines: [
      'sent        200,000 lines',
      'confirmed   200,000',
      'written     200,000',
      'duplicates  0',
      'output      equals the input, 200,000 lines',
      'took        4.0 s, 50,000 lines/s',
    ],
  })
})

const differing = (changes: Partial<Comparison>): Partial<RunFacts> => ({
  comparison: { ...equal, equal: false, ...changes },
})
/** What happened, what the summary says of it, the exit code with --once and without. */
const cases: readonly [string, Partial<RunFacts>, RegExp, 0 | 1, 0 | 1][] = [
  ['a remainder', { after: [{ ...empty, ready: 3, retrying: 2 }] }, /left +5 messages in queue logs, 2 of them/, 1, 0],
  ['a new dead letter', { after: [{ ...empty, dead: 1 }] }, /dead +1 dead letter in queue logs\.dead/, 1, 0],
  [
    'duplicates',
    differing({ duplicates: 12 }),
    /holds every line .*; 12 lines more than once; first .* in order/,
    0,
    0,
  ],
  ['another order', differing({ inOrder: false }), /holds every line .*; not in order/, 0, 0],
  ['lines of other runs', differing({ foreign: 1, inOrder: null }), /1 line that the input does not have$/m, 0, 0],
  ['missing lines', differing({ missing: 2 }), /lacks 2 of the input's 200,000 lines/, 1, 0],
  ['lines left out by map', { ...differing({ missing: 2 }), skipped: 2 }, /skipped +2/, 0, 0],
  ['a process that had to be killed', { unwell: ['log-consumer'] }, /forced +log-consumer did not end well/, 1, 1],
  ['a broker that is away', { after: null }, /queues +unknown/, 1, 0],
  ['an early end', { interrupted: true }, /took/, 1, 0],
  ['nothing to compare', { comparison: 'no producer reads x' }, /output +not compared: no producer reads x/, 0, 0],
  ['restarts', { restarts: 2 }, /restarts +2;/, 0, 0],
]
for (const [what, changes, line, onceCode, code] of cases) {
  test(`${what}: the summary says it, exit code ${onceCode} with --once and ${code} without`, () => {
    const once = summaryOf({ ...good, ...changes })
    assert.match(once.lines.join('\n'), line)
    assert.equal(once.exitCode, onceCode)
    assert.equal(summaryOf({ ...good, ...changes, once: false, interrupted: false }).exitCode, code)
  })
}

test('dead letters of earlier runs are not held against this one', () => {
  const old = [{ ...empty, dead: 4 }]
  assert.equal(summaryOf({ ...good, before: old, after: old }).exitCode, 0)
})
