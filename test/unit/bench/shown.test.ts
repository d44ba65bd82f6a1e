import assert from 'node:assert/strict'
import { test } from 'node:test'
import { coldStartOf, throughputOf } from '../../../bench/harness/shown.ts'
import { resultOf } from './results.ts'

const of = (value: number) => ({ median: value, min: value, max: value })

test('the phases of a cold start are what lies between their ends, and begin as hello does', () => {
  const sides = {
    kedafn: { ms: of(40), connectMs: of(25), openMs: of(30), consumeMs: of(36) },
    hello: { ms: of(20) },
  }
  assert.deepEqual(coldStartOf([{ ...resultOf([], []), name: 'cold-start', sides }]), [
    { label: 'node, hello', phases: [{ name: 'Node', ms: 20 }] },
    {
      label: 'kedafn',
      phases: [
        { name: 'Node', ms: 20 },
        { name: 'bundle', ms: 5 },
        { name: 'login', ms: 5 },
        { name: 'topology, consume', ms: 6 },
        { name: 'delivery to ack', ms: 4 },
      ],
    },
  ])
  assert.deepEqual(coldStartOf([]), [])
})

test('the bars are those sides that were measured, of both kinds of queue', () => {
  const row = (type: string, sides: Record<string, { rate: ReturnType<typeof of> }>) => {
    return { ...resultOf([], []), name: `pipeline-${type}`, sides }
  }
  const results = [
    row('classic', { kedafn: { rate: of(7) } }),
    row('quorum', { kedafn: { rate: of(5) }, naive: { rate: of(1) } }),
  ]
  assert.deepEqual(throughputOf(results), [
    { label: 'naive loop, quorum', value: 1 },
    { label: 'kedafn, quorum', value: 5 },
    { label: 'kedafn, classic', value: 7 },
  ])
})
