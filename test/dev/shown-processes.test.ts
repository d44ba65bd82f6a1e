import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Fleet } from '../../dev/fleet.ts'
import { ShownProcesses } from '../../dev/shown-processes.ts'
import { noCounters } from '../../runtime/core/counters.ts'

type Process = Fleet['processes'][number]

const processOf = (name: string, changes: Partial<Process['pod']> = {}): Process => ({
  plan: { name: 'consumer', kind: 'consumer' } as Process['plan'],
  pod: {
    ...{ name, state: 'running', ready: true, draining: false, pid: 1, createdMs: 1000, restarts: 0, unsettled: 3 },
    ...{ probePort: null, counters: { ...noCounters, acked: 7 }, ...changes },
  },
})

test('a process that is gone stays in the list for ten seconds, with what it said last', () => {
  const world = { processes: [processOf('a'), processOf('b', { draining: true })], nowMs: 5000 }
  const tails = new Map([['b', { recent: ['draining'] }]])
  const shown = new ShownProcesses({ fleet: world, tails, now: () => world.nowMs })
  const states = () => shown.look().map(({ name, state, pid, holds, log }) => [name, state, pid, holds, log])
  assert.deepEqual(states(), [
    ['a', 'ready', 1, 3, []],
    ['b', 'draining', 1, 3, ['draining']],
  ])
  world.processes = [processOf('a')]
  assert.deepEqual(states()[1], ['b', 'gone', null, 0, ['draining']])
  tails.set('b', { recent: ['draining', 'ended'] })
  assert.deepEqual(states()[1]?.[4], ['draining', 'ended'])
  tails.delete('b')
  world.nowMs += 9999
  assert.deepEqual(states()[1], ['b', 'gone', null, 0, ['draining', 'ended']])
  world.nowMs += 1
  assert.equal(states().length, 1)
})

test('a name that comes back is not gone', () => {
  const world = { processes: [processOf('a')], nowMs: 0 }
  const shown = new ShownProcesses({ fleet: world, tails: new Map(), now: () => world.nowMs })
  shown.look()
  world.processes = []
  assert.deepEqual(
    shown.look().map(({ state }) => state),
    ['gone'],
  )
  world.processes = [processOf('a', { ready: false, state: 'starting' })]
  assert.deepEqual(
    shown.look().map(({ state }) => state),
    ['starting'],
  )
})
