import type { Observation, Reading, ScalingHistory } from './history.ts'
import type { Fallback, ScaledObject, Trigger } from './scaled-object.ts'

/** A reading as KEDA hands it on: a value, a value made up by the fallback, or an error. */
export type Metric =
  | { readonly kind: 'value'; readonly value: number; readonly fallback: boolean }
  | Extract<Reading, { kind: 'cpu' | 'failed' }>

export interface Metrics {
  readonly metrics: readonly Metric[]
  readonly history: ScalingHistory
}

/** Counts failures, and puts the fallback's value in the place of a trigger that failed more often than the threshold. */
export function metricsOf(object: ScaledObject, history: ScalingHistory, observation: Observation): Metrics {
  const failures = [...history.failures]
  const metrics = object.triggers.map((trigger, index): Metric => {
    const reading = observation.readings[index] ?? { kind: 'failed', cause: 'there is no reading' }
    if (reading.kind === 'cpu') return reading
    if (reading.kind === 'value') {
      failures[index] = 0
      return { ...reading, fallback: false }
    }
    failures[index] = (failures[index] ?? 0) + 1
    const { fallback } = object
    const failed = { kind: 'failed', cause: reading.cause } as const
    if (!fallback || failures[index] <= fallback.failureThreshold) return failed
    const value = fallbackValue(fallback, trigger, observation)
    return value === null ? failed : { kind: 'value', value, fallback: true }
  })
  return { metrics, history: { ...history, failures } }
}

/** The value that makes the HPA want the fallback's replicas; null if there is none. */
function fallbackValue(fallback: Fallback, trigger: Trigger, { replicas, ready }: Observation): number | null {
  const wanted = {
    static: fallback.replicas,
    currentReplicas: replicas,
    currentReplicasIfHigher: Math.max(replicas, fallback.replicas),
    currentReplicasIfLower: Math.min(replicas, fallback.replicas),
  }[fallback.behavior]
  if (trigger.metricType !== 'Value') return wanted * trigger.value
  return ready === 0 ? null : (wanted * trigger.value) / ready
}
