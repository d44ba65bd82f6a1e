import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decide } from '../../../dev/autoscaler/decision.ts'
import type { ScalingHistory } from '../../../dev/autoscaler/history.ts'
import {
  defaultBehavior,
  hpaPeriods,
  type ScaledObject,
  type ScalingRules,
} from '../../../dev/autoscaler/scaled-object.ts'
import { failed, fresh, messages, objectWith, queueTrigger, seen } from './objects.ts'

const rules = (base: ScalingRules) =>
  fc.record<ScalingRules>({
    stabilizationMs: fc.constantFrom(0, 30_000, 300_000),
    selectPolicy: fc.constantFrom('Max', 'Min', 'Disabled'),
    policies: fc.array(
      fc.record({
        type: fc.constantFrom('Pods', 'Percent'),
        value: fc.integer({ min: 1, max: 200 }),
        periodMs: fc.constantFrom(15_000, 60_000),
      }),
      { minLength: 1, maxLength: 2 },
    ),
    tolerance: fc.constant(base.tolerance),
  })

const objects: fc.Arbitrary<ScaledObject> = fc
  .record({
    min: fc.integer({ min: 0, max: 5 }),
    span: fc.integer({ min: 1, max: 50 }),
    value: fc.integer({ min: 1, max: 500 }),
    behavior: fc.option(
      fc.record({ scaleUp: rules(defaultBehavior.scaleUp), scaleDown: rules(defaultBehavior.scaleDown) }),
    ),
  })
  .map(({ min, span, value, behavior }) =>
    objectWith({ minReplicas: min, maxReplicas: min + span, behavior, triggers: [{ ...queueTrigger, value }] }),
  )
const backlogs = fc.array(fc.option(fc.integer({ min: 0, max: 20_000 }), { freq: 10 }), { minLength: 1, maxLength: 40 })

test('whatever the backlog does, the count stays within 0 and the maximum, and its reason is never empty', () => {
  fc.assert(
    fc.property(objects, backlogs, (object, series) => {
      let history: ScalingHistory = fresh(object)
      let replicas = 0
      for (const [index, backlog] of series.entries()) {
        const reading = backlog === null ? failed : messages(backlog)
        for (const turn of ['keda', 'hpa'] as const) {
          const decision = decide(turn, history, object, seen(replicas, reading, index * 15_000))
          ;({ history, replicas } = decision)
          assert.ok(Number.isInteger(replicas) && replicas >= 0 && replicas <= object.maxReplicas)
          assert.notEqual(decision.reason, '')
          if (turn === 'hpa' && replicas > 0) assert.ok(replicas >= object.minReplicas)
        }
      }
    }),
  )
})

test('more messages never make fewer replicas', () => {
  fc.assert(
    fc.property(objects, fc.nat(50), fc.nat(20_000), fc.nat(5000), (object, from, backlog, more) => {
      const replicas = Math.min(Math.max(1, from, object.minReplicas), object.maxReplicas)
      const to = (count: number) => decide('hpa', fresh(object), object, seen(replicas, messages(count))).replicas
      assert.ok(to(backlog + more) >= to(backlog))
    }),
  )
})

test('the same question has the same answer, and asking changes nothing', () => {
  fc.assert(
    fc.property(objects, fc.nat(20_000), fc.constantFrom('keda', 'hpa'), (object, backlog, turn) => {
      const history = Object.freeze(fresh(object))
      const ask = () => decide(turn, history, object, seen(1, messages(backlog)))
      assert.deepEqual(ask(), ask())
    }),
  )
})

// The recordings are of a controller that syncs every 5 s: what they prove of a decision holds for one that syncs every 15 s.
test('how often the HPA syncs is no part of a decision, only when it does', () => {
  const recommended = fc.array(fc.record({ replicas: fc.nat(60), atMs: fc.integer({ min: 0, max: 600_000 }) }))
  const changed = fc.array(
    fc.record({ change: fc.integer({ min: -9, max: 9 }), atMs: fc.integer({ min: 0, max: 600_000 }) }),
  )
  fc.assert(
    fc.property(objects, fc.nat(20_000), recommended, changed, (object, backlog, recommendations, changes) => {
      const history = fresh(object, { recommendations, changes })
      const replicas = Math.max(1, object.minReplicas)
      const asked = seen(replicas, messages(backlog), 600_000)
      const by = (syncMs: number) => decide('hpa', history, object, asked, { ...hpaPeriods, syncMs })
      assert.deepEqual(by(15_000), by(5000))
    }),
  )
})

test('a backlog that stays is answered by a count that stays', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 3000 }), fc.boolean(), (backlog, withBehavior) => {
      const object = objectWith({ behavior: withBehavior ? defaultBehavior : null })
      let history: ScalingHistory = fresh(object)
      let replicas = 1
      for (let sync = 0; sync < 10; sync++) {
        ;({ history, replicas } = decide('hpa', history, object, seen(replicas, messages(backlog), sync * 15_000)))
      }
      const next = decide('hpa', history, object, seen(replicas, messages(backlog), 150_000))
      assert.equal(next.replicas, replicas)
    }),
  )
})

test('no history grows for ever', () => {
  const object = objectWith({ behavior: defaultBehavior })
  let history: ScalingHistory = fresh(object)
  for (let sync = 0; sync < 1000; sync++) {
    ;({ history } = decide('hpa', history, object, seen(1 + (sync % 9), messages(sync % 300), sync * 15_000)))
  }
  assert.ok(history.recommendations.length < 30 && history.changes.length < 5)
})
