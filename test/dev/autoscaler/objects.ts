import { newHistory, type Observation, type Reading, type ScalingHistory } from '../../../dev/autoscaler/history.ts'
import type { QueueTrigger, ScaledObject } from '../../../dev/autoscaler/scaled-object.ts'

export const queueTrigger: QueueTrigger = {
  type: 'rabbitmq',
  name: 'logs',
  queue: 'logs',
  protocol: 'http',
  excludeUnacknowledged: false,
  value: 20,
  activationValue: 0,
  metricType: 'AverageValue',
  useCachedMetrics: false,
}

/** KEDA's defaults, one queue with value 20. */
export function objectWith(changes: Partial<ScaledObject> = {}): ScaledObject {
  return {
    name: 'consumer',
    target: 'consumer',
    pollingIntervalMs: 30_000,
    cooldownMs: 300_000,
    initialCooldownMs: 0,
    minReplicas: 0,
    maxReplicas: 100,
    idleReplicas: null,
    fallback: null,
    behavior: null,
    triggers: [queueTrigger],
    pause: { all: false, replicas: null, scaleIn: false, scaleOut: false },
    forceActivation: false,
    ...changes,
  }
}

export const messages = (value: number): Reading => ({ kind: 'value', value })
export const failed: Reading = { kind: 'failed', cause: 'no answer' }

export function seen(replicas: number, reading: Reading | readonly Reading[], nowMs = 0): Observation {
  const readings = 'kind' in reading ? [reading] : reading
  return { nowMs, replicas, running: replicas, ready: replicas, readings }
}

export const fresh = (object: ScaledObject, changes: Partial<ScalingHistory> = {}): ScalingHistory => ({
  ...newHistory(object, 0),
  ...changes,
})
