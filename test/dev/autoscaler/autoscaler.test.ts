import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Autoscaler } from '../../../dev/autoscaler/autoscaler.ts'
import type { QueueTrigger, ScaledObject } from '../../../dev/autoscaler/scaled-object.ts'
import { TestClock } from '../../../runtime/doubles/clock.ts'
import { objectWith, queueTrigger } from './objects.ts'

/** An autoscaler over pods that are there at once, and a backlog that the test sets. */
function world(object: ScaledObject, fast = 1) {
  const clock = new TestClock(0)
  const state = { backlog: 0, replicas: 0, polls: 0 }
  const events: string[] = []
  const autoscaler = new Autoscaler({
    objects: [object],
    clock,
    fast,
    metrics: {
      read: async (_trigger: QueueTrigger) => {
        state.polls++
        return { kind: 'value', value: state.backlog }
      },
    },
    fleet: {
      population: () => ({
        replicas: state.replicas,
        pods: Array.from({ length: state.replicas }, () => ({ ready: true, usedMilli: null, requestedMilli: 100 })),
      }),
      setReplicas(target, replicas, reason) {
        state.replicas = replicas
        events.push(`${clock.now() / 1000} ${target} ${replicas}: ${reason}`)
      },
    },
  })
  autoscaler.start()
  return { clock, state, events, autoscaler }
}

test('a backlog wakes a function at the next poll, scales it at each sync, and lets it sleep after the cooldown', async () => {
  const { clock, state, events, autoscaler } = world(objectWith())
  await clock.tick(10_000)
  state.backlog = 100
  await clock.tick(60_000)
  state.backlog = 0
  await clock.tick(400_000)
  autoscaler.stop()
  assert.deepEqual(events, [
    '30 consumer 1: 100 messages in logs > activation at 0',
    '30.3 consumer 4: 100 messages / 20 per replica = 5; the rate of scale-out allows 4',
    '45.3 consumer 5: 100 messages / 20 per replica = 5',
    '360 consumer 0: no trigger was active for the cooldown of 300 s',
  ])
})

test('ten times as fast, the same happens in a tenth of the time', async () => {
  const { clock, state, events, autoscaler } = world(objectWith(), 10)
  await clock.tick(1000)
  state.backlog = 100
  await clock.tick(6000)
  state.backlog = 0
  await clock.tick(40_000)
  autoscaler.stop()
  assert.deepEqual(
    events.map((event) => event.split(':')[0]),
    ['3 consumer 1', '3.03 consumer 4', '4.53 consumer 5', '36 consumer 0'],
  )
})

test('a pause holds the count, also at one of its own, until it is over', async () => {
  const { clock, state, autoscaler } = world(objectWith())
  autoscaler.pause('consumer', { all: true })
  state.backlog = 100
  await clock.tick(120_000)
  assert.equal(state.replicas, 0)
  autoscaler.pause('consumer', { replicas: 3 })
  await clock.tick(1)
  assert.equal(state.replicas, 3)
  autoscaler.pause('consumer', { all: false, replicas: null })
  await clock.tick(15_000)
  assert.equal(state.replicas, 5)
  autoscaler.stop()
})

test('a function that sleeps is polled by KEDA alone, and with cached metrics one that works too', async () => {
  for (const [useCachedMetrics, expected] of [
    [false, 4 + 8],
    [true, 4],
  ] as const) {
    const { clock, state, autoscaler } = world(objectWith({ triggers: [{ ...queueTrigger, useCachedMetrics }] }))
    await clock.tick(119_000)
    assert.equal(state.polls, 4)
    state.backlog = 20
    await clock.tick(1000)
    state.polls = 0
    await clock.tick(120_000)
    assert.equal(state.polls, expected)
    autoscaler.stop()
    await clock.tick(120_000)
    assert.equal(state.polls, expected)
  }
})
