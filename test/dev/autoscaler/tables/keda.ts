import type { Reading } from '../../../../dev/autoscaler/history.ts'
import type { Fallback, ScaledObject } from '../../../../dev/autoscaler/scaled-object.ts'
import { failed, messages, queueTrigger } from '../objects.ts'
import { bare, executor, type Table, table } from './vector.ts'

const unbuilt = { kind: 'unbuilt', cause: 'ECONNREFUSED' } as const
const none = messages(0)
const idle: Reading = { kind: 'cpu', pods: [] }
const cpuTrigger = { type: 'cpu', name: 'cpu', metricType: 'Utilization', value: 50 } as const

/** Long after the cooldown of 300 s. */
const late = { turn: 'keda', at: 1000, history: { lastActiveMs: 0 } } as const

const activation = table(
  'active above the activation value, not at it',
  'keda pkg/scalers/rabbitmq_scaler.go, GetMetricsAndActivity: float64(messages) > ActivationValue',
  [
    [0, 0, 0],
    [0, 1, 1],
    [0.5, 1, 1],
    [1, 1, 0],
    [5, 5, 0],
    [5, 6, 1],
    [1000, 1000, 0],
    [1000, 1001, 1],
  ] as const,
  (activationValue, backlog, expected) => ({
    turn: 'keda',
    object: { triggers: [{ ...queueTrigger, activationValue }] },
    ...{ replicas: 0, readings: messages(backlog), expected },
  }),
)

const waking = table(
  'active: from 0, or from below the minimum if there are idle replicas, to the minimum or 1; everything else is the HPA’s',
  `${executor}, RequestScale and scaleFromZeroOrIdle`,
  [
    [{}, 0, 500, 1],
    [{}, 1, 500, 1],
    [{}, 7, 1, 7],
    [{ minReplicas: 3 }, 0, 1, 3],
    [{ minReplicas: 3 }, 2, 1, 2],
    [{ minReplicas: 3 }, 5, 1, 5],
    [{ minReplicas: 3, idleReplicas: 0 }, 0, 1, 3],
    [{ minReplicas: 3, idleReplicas: 0 }, 1, 1, 3],
    [{ minReplicas: 3, idleReplicas: 0 }, 3, 1, 3],
    [{ maxReplicas: 4 }, 9, 1, 9],
  ] as const,
  (object, replicas, backlog, expected) => ({
    ...{ turn: 'keda', object, replicas, readings: messages(backlog), expected },
  }),
)

const cooldown = table(
  'inactive: to 0, or to the idle replicas, once the cooldown since the last activity is over; with a minimum not at all',
  `${executor}, RequestScale and scaleToZeroOrIdle: LastActiveTime + cooldownPeriod is before now`,
  [
    [{}, 0, 299, 7, 7],
    [{}, 0, 301, 7, 0],
    [{}, 100, 399, 1, 1],
    [{}, 100, 401, 1, 0],
    [{ cooldownMs: 0 }, 10, 12, 2, 0],
    [{ cooldownMs: 5000 }, 10, 14, 2, 2],
    [{ cooldownMs: 5000 }, 10, 16, 2, 0],
    [{ minReplicas: 2, idleReplicas: 0 }, 0, 299, 5, 5],
    [{ minReplicas: 2, idleReplicas: 0 }, 0, 301, 5, 0],
    [{ minReplicas: 2, idleReplicas: 0 }, 0, 301, 0, 0],
    [{ minReplicas: 1 }, 0, 301, 5, 5],
    [{ minReplicas: 3 }, 0, 301, 1, 3],
    [{ minReplicas: 3 }, 0, 10, 0, 3],
    [{ initialCooldownMs: 600_000 }, 0, 301, 2, 0],
  ] as const,
  (object, activeSeconds, at, replicas, expected) => ({
    ...{ turn: 'keda', object, history: { lastActiveMs: activeSeconds * 1000 }, at },
    ...{ replicas, readings: none, expected },
  }),
)

const initial = table(
  'never active: the cooldown does not count, but the initial one does, from the making of the object on',
  `${executor}, scaleToZeroOrIdle: LastActiveTime is nil and CreationTimestamp + initialCooldownPeriod is before now`,
  [
    [{}, 1, 2, 0],
    [{ cooldownMs: 3_600_000 }, 1, 2, 0],
    [{ initialCooldownMs: 60_000 }, 1, 2, 2],
    [{ initialCooldownMs: 60_000 }, 59, 2, 2],
    [{ initialCooldownMs: 60_000 }, 61, 2, 0],
    [{ initialCooldownMs: 60_000, minReplicas: 1 }, 61, 2, 2],
    [{ initialCooldownMs: 60_000, minReplicas: 2, idleReplicas: 0 }, 59, 2, 2],
    [{ initialCooldownMs: 60_000, minReplicas: 2, idleReplicas: 0 }, 61, 2, 0],
  ] as const,
  (object, at, replicas, expected) => ({ turn: 'keda', object, at, replicas, readings: none, expected }),
)

const fallbackTo = (replicas: number, failureThreshold = 3): Fallback => ({
  ...{ failureThreshold, replicas, behavior: 'static' },
})

const failing = table(
  'a failure: without fallback nothing moves, with one nothing until its threshold, with one of 0 replicas it sleeps; beyond the threshold it is active',
  `${executor}, RequestScale; keda pkg/fallback/fallback.go, GetMetricsWithFallback: failures > threshold; a scaler that cannot be built: keda pkg/scaling/scale_handler.go, checkScalers`,
  [
    [{}, 0, 0, failed, 0],
    [{}, 0, 2, failed, 2],
    [{}, 99, 2, failed, 2],
    [{ fallback: fallbackTo(4) }, 2, 2, failed, 2],
    [{ fallback: fallbackTo(4) }, 2, 0, failed, 0],
    [{ fallback: fallbackTo(4) }, 3, 0, failed, 1],
    [{ fallback: fallbackTo(4) }, 3, 2, failed, 2],
    [{ fallback: fallbackTo(4), minReplicas: 2 }, 3, 0, failed, 2],
    [{ fallback: fallbackTo(4, 0) }, 0, 0, failed, 1],
    [{ fallback: fallbackTo(0) }, 0, 2, failed, 0],
    [{ fallback: fallbackTo(0) }, 3, 2, failed, 2],
    [{}, 0, 2, unbuilt, 2],
    [{ fallback: fallbackTo(4, 0) }, 9, 0, unbuilt, 0],
  ] as const,
  (object, failures, replicas, reading, expected) => ({
    ...{ ...late, object, history: { lastActiveMs: 0, failures: [failures] }, replicas, readings: reading, expected },
  }),
)

const twoQueues: Partial<ScaledObject> = { triggers: [queueTrigger, { ...queueTrigger, queue: 'other' }] }
const withCpu: Partial<ScaledObject> = { triggers: [cpuTrigger, queueTrigger] }

const several = table(
  'any active trigger is enough; a failing one beside inactive ones holds; cpu alone is always active, beside a queue never',
  `keda pkg/scaling/scale_handler.go, getScaledObjectState; ${executor}, RequestScale`,
  [
    [twoQueues, 0, [none, messages(1)], 1],
    [twoQueues, 0, [messages(1), none], 1],
    [twoQueues, 3, [none, none], 0],
    [twoQueues, 0, [failed, messages(1)], 1],
    [twoQueues, 3, [failed, none], 3],
    [twoQueues, 0, [unbuilt, messages(1)], 0],
    [withCpu, 3, [idle, none], 0],
    [withCpu, 0, [idle, messages(1)], 1],
    [{ minReplicas: 1, triggers: [cpuTrigger] }, 0, [idle], 1],
    [{ minReplicas: 1, triggers: [cpuTrigger] }, 4, [idle], 4],
  ] as const,
  (object, replicas, readings, expected) => ({ ...late, object, replicas, readings, expected }),
)

const unpaused = { all: false, replicas: null, scaleIn: false, scaleOut: false }

const pausedKeda = table(
  'annotations, KEDA: paused holds the count, paused-replicas sets it once, one direction alone leaves the other; force-activation is as good as a message',
  `keda controllers/keda/scaledobject_controller.go, handlePause; ${executor}, RequestScale, scaleToZeroOrIdle, scaleFromZeroOrIdle; docs/2.20 concepts/scaling-deployments, "Pausing autoscaling"`,
  [
    [{ all: true }, false, 0, 100, 0],
    [{ all: true }, false, 4, 0, 4],
    [{ all: true, replicas: 3 }, false, 0, 0, 3],
    [{ all: true, replicas: 3 }, false, 9, 900, 3],
    [{ all: true, replicas: 0 }, false, 9, 900, 0],
    [{ scaleIn: true }, false, 2, 0, 2],
    [{ scaleIn: true }, false, 0, 1, 1],
    [{ scaleOut: true }, false, 0, 9, 0],
    [{ scaleOut: true }, false, 2, 0, 0],
    [{}, true, 0, 0, 1],
    [{}, true, 3, 0, 3],
    [{ scaleOut: true }, true, 0, 0, 0],
    [{ all: true }, true, 0, 0, 0],
  ] as const,
  (pause, forceActivation, replicas, backlog, expected) => ({
    ...{ ...late, object: { pause: { ...unpaused, ...pause }, forceActivation } },
    ...{ replicas, readings: messages(backlog), expected },
  }),
)

const pausedHpa = table(
  'annotations, HPA: paused deletes it; one direction is selectPolicy Disabled there, the other goes on by the default behaviour',
  'keda controllers/keda/hpa.go, newHPAForScaledObject',
  [
    [{ all: true }, 1, 100, 1],
    [{ all: true, replicas: 3 }, 1, 100, 1],
    [{ scaleIn: true }, 5, 20, 5],
    [{ scaleIn: true }, 1, 100, 5],
    [{ scaleIn: true }, 1, 900, 5],
    [{ scaleOut: true }, 1, 100, 1],
    [{ scaleOut: true }, 5, 20, 1],
    [{ scaleIn: true, scaleOut: true }, 5, 20, 5],
    [{ scaleIn: true, scaleOut: true }, 5, 900, 5],
  ] as const,
  (pause, replicas, backlog, expected) => ({
    ...{ object: { pause: { ...unpaused, ...pause } }, at: 1000 },
    history: { recommendations: [{ replicas: 0, atMs: 0 }] },
    ...{ replicas, readings: messages(backlog), expected },
  }),
)

const fallback = table(
  'the fallback makes the HPA want its replicas, or those there are: beyond the threshold, within the clamps, and less than another trigger may',
  'keda pkg/fallback/fallback.go, GetMetricsWithFallback and doFallback',
  [
    ['static', 3, 2, 2, 'AverageValue', 2],
    ['static', 3, 3, 2, 'AverageValue', 4],
    ['static', 0, 0, 2, 'AverageValue', 4],
    ['static', 3, 3, 6, 'AverageValue', 4],
    ['static', 3, 99, 4, 'AverageValue', 4],
    ['currentReplicas', 3, 3, 2, 'AverageValue', 2],
    ['currentReplicas', 3, 3, 9, 'AverageValue', 9],
    ['currentReplicasIfHigher', 3, 3, 6, 'AverageValue', 6],
    ['currentReplicasIfHigher', 3, 3, 2, 'AverageValue', 4],
    ['currentReplicasIfLower', 3, 3, 2, 'AverageValue', 2],
    ['currentReplicasIfLower', 3, 3, 6, 'AverageValue', 4],
    ['static', 3, 3, 2, 'Value', 4],
    ['static', 3, 3, 6, 'Value', 4],
    ['static', 3, 2, 6, 'Value', 6],
  ] as const,
  (behavior, failureThreshold, failures, replicas, metricType, expected) => ({
    object: {
      ...{ ...bare, triggers: [{ ...queueTrigger, metricType }] },
      fallback: { failureThreshold, replicas: 4, behavior },
    },
    ...{ history: { failures: [failures] }, replicas, readings: failed, expected },
  }),
)

const fallbackBeside = table(
  'a fallback of 4 beside another queue with value 20, of 2 replicas, at most 6',
  'keda pkg/fallback/fallback.go, doFallback; kubernetes pkg/controller/podautoscaler/horizontal.go, computeReplicasForMetrics',
  [
    [3, messages(0), 4],
    [3, messages(100), 5],
    [3, messages(900), 6],
    [0, messages(100), 5],
    [0, messages(0), 2],
  ] as const,
  (failures, reading, expected) => ({
    object: { ...bare, ...twoQueues, maxReplicas: 6, fallback: fallbackTo(4) },
    ...{ history: { failures: [failures, 0] }, replicas: 2, readings: [failed, reading], expected },
  }),
)

export const kedaTables: readonly Table[] = [
  ...[activation, waking, cooldown, initial, failing, several],
  ...[pausedKeda, pausedHpa, fallback, fallbackBeside],
]
