import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decide } from '../../../dev/autoscaler/decision.ts'
import type { ScalingHistory } from '../../../dev/autoscaler/history.ts'
import { defaultBehavior, type ScaledObject } from '../../../dev/autoscaler/scaled-object.ts'
import { failed, fresh, messages, objectWith, queueTrigger, seen } from './objects.ts'

const plain = objectWith()
const quick = objectWith({ behavior: defaultBehavior })

/** Follows the HPA from sync to sync with the same backlog. */
function follow(object: ScaledObject, from: number, backlog: number, syncs: number): number[] {
  let history: ScalingHistory = fresh(object)
  let replicas = from
  return Array.from({ length: syncs }, (_, index) => {
    const decision = decide('hpa', history, object, seen(replicas, messages(backlog), index * 15_000))
    history = decision.history
    replicas = decision.replicas
    return replicas
  })
}

test('without behaviour scale-out doubles, at least to 4', () => {
  assert.deepEqual(follow(plain, 1, 2000, 6), [4, 8, 16, 32, 64, 100])
})

test('with behaviour scale-out adds 4 or doubles, whichever is more', () => {
  assert.deepEqual(follow(quick, 1, 2000, 6), [5, 10, 20, 40, 80, 100])
})

test('scale-in waits for the highest recommendation of 300 s to be over', () => {
  for (const object of [plain, quick]) {
    const history = fresh(object, { recommendations: [{ replicas: 5, atMs: 0 }] })
    const at = (nowMs: number) => decide('hpa', history, object, seen(5, messages(20), nowMs))
    assert.equal(at(299_000).replicas, 5)
    assert.match(at(299_000).reason, /^20 messages \/ 20 per replica = 1; .*300 s/)
    assert.equal(at(301_000).replicas, 1)
  }
})

test('a policy limits how many go in its period', () => {
  const scaleDown = {
    ...defaultBehavior.scaleDown,
    stabilizationMs: 0,
    policies: [{ type: 'Percent', value: 50, periodMs: 30_000 }],
  } as const
  const object = objectWith({ behavior: { ...defaultBehavior, scaleDown } })
  assert.deepEqual(follow(object, 16, 20, 7), [8, 8, 4, 4, 2, 2, 1])
})

test('of several policies the one that changes least is taken with selectPolicy Min', () => {
  const scaleUp = { ...defaultBehavior.scaleUp, selectPolicy: 'Min' } as const
  assert.deepEqual(follow(objectWith({ behavior: { ...defaultBehavior, scaleUp } }), 1, 2000, 3), [2, 4, 8])
})

test('a tolerance of its own in each direction', () => {
  const behavior = {
    scaleUp: { ...defaultBehavior.scaleUp, tolerance: 0.5 },
    scaleDown: { ...defaultBehavior.scaleDown, tolerance: 0, stabilizationMs: 0 },
  }
  const object = objectWith({ behavior })
  const to = (backlog: number) => decide('hpa', fresh(object), object, seen(10, messages(backlog), 1)).replicas
  assert.deepEqual([to(299), to(301), to(180), to(179)], [10, 16, 9, 9])
})

test('a window for scale-out waits for the lowest recommendation', () => {
  const scaleUp = { ...defaultBehavior.scaleUp, stabilizationMs: 60_000 }
  assert.deepEqual(follow(objectWith({ behavior: { ...defaultBehavior, scaleUp } }), 1, 100, 6), [1, 1, 1, 1, 5, 5])
})

test('of several triggers the highest counts, and one that fails forbids scale-in alone', () => {
  const behavior = { ...defaultBehavior, scaleDown: { ...defaultBehavior.scaleDown, stabilizationMs: 0 } }
  const object = objectWith({ triggers: [queueTrigger, { ...queueTrigger, queue: 'other' }], behavior })
  const to = (readings: Parameters<typeof seen>[1]) =>
    decide('hpa', fresh(object), object, seen(3, readings, 1)).replicas
  assert.equal(to([messages(20), messages(81)]), 5)
  assert.equal(to([failed, messages(81)]), 5)
  assert.equal(to([failed, messages(20)]), 3)
  assert.equal(to([messages(0), messages(20)]), 1)
})

test('with metricType Value the pods that are ready are multiplied', () => {
  const object = objectWith({ triggers: [{ ...queueTrigger, metricType: 'Value' }] })
  const decision = decide('hpa', fresh(object), object, { ...seen(4, messages(40)), ready: 3 })
  assert.equal(decision.replicas, 6)
})

test('a cpu trigger counts what ready pods use, and pods without a sample as idle on the way up', () => {
  const object = objectWith({
    triggers: [{ type: 'cpu', name: 'cpu', metricType: 'Utilization', value: 50 }],
    minReplicas: 1,
  })
  const pod = (usedMilli: number | null, ready = true) => ({ ready, usedMilli, requestedMilli: 100 })
  const to = (pods: ReturnType<typeof pod>[]) =>
    decide('hpa', fresh(object), object, seen(pods.length, { kind: 'cpu', pods })).replicas
  assert.equal(to([pod(100), pod(100)]), 4)
  assert.equal(to([pod(52), pod(53)]), 2)
  assert.equal(to([pod(100), pod(null)]), 2)
  assert.equal(to([pod(200), pod(0, false)]), 4)
  assert.equal(decide('keda', fresh(object), object, seen(0, { kind: 'cpu', pods: [] })).replicas, 1)
})

test('reasons say the sum', () => {
  assert.equal(decide('hpa', fresh(plain), plain, seen(1, messages(41))).reason, '41 messages / 20 per replica = 3')
})

test('KEDA wakes a function above its activation, not at it, and to the minimum', () => {
  const object = objectWith({ triggers: [{ ...queueTrigger, activationValue: 5 }] })
  assert.equal(decide('keda', fresh(object), object, seen(0, messages(5))).replicas, 0)
  assert.equal(decide('keda', fresh(object), object, seen(0, messages(6))).replicas, 1)
  const idle = objectWith({ minReplicas: 3, idleReplicas: 0 })
  assert.equal(decide('keda', fresh(idle), idle, seen(0, messages(1))).replicas, 3)
})

test('KEDA goes to 0 when the cooldown is over, from any count, and to idle replicas', () => {
  for (const object of [plain, objectWith({ minReplicas: 2, idleReplicas: 0 })]) {
    const history = fresh(object, { lastActiveMs: 0 })
    assert.equal(decide('keda', history, object, seen(7, messages(0), 299_999)).replicas, 7)
    assert.equal(decide('keda', history, object, seen(7, messages(0), 300_000)).replicas, 0)
  }
})

test('what was never active does not wait for the cooldown, but for the initial one', () => {
  assert.equal(decide('keda', fresh(plain), plain, seen(2, messages(0), 0)).replicas, 0)
  const object = objectWith({ initialCooldownMs: 60_000 })
  assert.equal(decide('keda', fresh(object), object, seen(2, messages(0), 59_999)).replicas, 2)
  assert.equal(decide('keda', fresh(object), object, seen(2, messages(0), 60_000)).replicas, 0)
})

test('after a pause the HPA begins anew, since KEDA deletes it for one: it remembers no recommendation from before', () => {
  const before = fresh(plain, {
    lastActiveMs: 0,
    recommendations: [{ replicas: 9, atMs: 0 }],
    changes: [{ change: 4, atMs: 0 }],
  })
  const pausing = objectWith({ pause: { ...plain.pause, all: true } })
  for (const turn of ['keda', 'hpa'] as const) {
    const { history } = decide(turn, before, pausing, seen(9, messages(20), 1000))
    assert.deepEqual(history, { ...before, recommendations: [], changes: [] })
    // What there is when the new HPA first looks counts as its first recommendation.
    assert.equal(decide('hpa', history, plain, seen(3, messages(20), 2000)).replicas, 3)
  }
})

test('a failure without fallback changes nothing', () => {
  const history = fresh(plain, { lastActiveMs: 0 })
  assert.equal(decide('keda', history, plain, seen(2, failed, 400_000)).replicas, 2)
  assert.equal(decide('hpa', history, plain, seen(2, failed, 400_000)).replicas, 2)
})

test('a fallback counts as activity, and an answer ends it', () => {
  const object = objectWith({ fallback: { failureThreshold: 1, replicas: 2, behavior: 'static' } })
  const first = decide('keda', fresh(object), object, seen(0, failed))
  assert.equal(first.replicas, 0)
  const second = decide('keda', first.history, object, seen(0, failed))
  assert.equal(second.replicas, 1)
  assert.deepEqual(decide('keda', second.history, object, seen(1, messages(0))).history.failures, [0])
})

test('a broker that cannot be reached over amqp is not even counted', () => {
  const object = objectWith({ fallback: { failureThreshold: 0, replicas: 2, behavior: 'static' } })
  const unbuilt = { kind: 'unbuilt', cause: 'ECONNREFUSED' } as const
  for (const turn of ['keda', 'hpa'] as const) {
    const decision = decide(turn, fresh(object), object, seen(1, unbuilt))
    assert.equal(decision.replicas, 1)
    assert.deepEqual(decision.history.failures, [0])
  }
})

test('pauses: all, at a count, one direction', () => {
  const pause = { all: false, replicas: null, scaleIn: false, scaleOut: false }
  const to = (turn: 'keda' | 'hpa', changes: Partial<ScaledObject['pause']>, replicas: number, backlog: number) => {
    const object = objectWith({ pause: { ...pause, ...changes } })
    const history = fresh(object, { recommendations: [{ replicas: 0, atMs: -1e6 }] })
    return decide(turn, history, object, seen(replicas, messages(backlog))).replicas
  }
  assert.equal(to('keda', { all: true }, 0, 100), 0)
  assert.equal(to('hpa', { all: true }, 1, 100), 1)
  assert.equal(to('keda', { all: true, replicas: 3 }, 0, 0), 3)
  assert.equal(to('keda', { scaleIn: true }, 2, 0), 2)
  assert.equal(to('keda', { scaleOut: true }, 0, 9), 0)
  assert.equal(to('hpa', { scaleIn: true }, 5, 20), 5)
  assert.equal(to('hpa', { scaleIn: true }, 1, 100), 5)
  assert.equal(to('hpa', { scaleOut: true }, 1, 100), 1)
  assert.equal(to('hpa', { scaleOut: true }, 5, 20), 1)
})

test('forced activation wakes without messages', () => {
  const object = objectWith({ forceActivation: true })
  assert.equal(decide('keda', fresh(object), object, seen(0, messages(0))).replicas, 1)
})

test('counts outside the clamps are put inside, and the HPA rests at 0', () => {
  const object = objectWith({ minReplicas: 2, maxReplicas: 4 })
  assert.equal(decide('hpa', fresh(object), object, seen(9, messages(0))).replicas, 4)
  assert.equal(decide('hpa', fresh(object), object, seen(1, messages(0))).replicas, 2)
  assert.equal(decide('hpa', fresh(object), object, seen(0, messages(900))).replicas, 0)
  assert.equal(decide('keda', fresh(object), object, seen(0, messages(0))).replicas, 2)
})
