import { metricsOf } from './fallback.ts'
import { type Decision, type Observation, type ScalingHistory, shownMessages, withoutHpa } from './history.ts'
import type { ScaledObject } from './scaled-object.ts'

/**
 * One poll of KEDA: decides between nothing and something, 0 (or idle) <-> 1 (or the minimum).
 * Source of the rules: kedacore/keda `pkg/scaling/executor/scale_scaledobjects.go` and `pkg/fallback/fallback.go`.
 */
export function pollKeda(before: ScalingHistory, object: ScaledObject, observation: Observation): Decision {
  const { nowMs, replicas } = observation
  const stay = (reason: string, history: ScalingHistory): Decision => ({ replicas, reason, history })
  if (object.pause.all) return paused(before, object, replicas)
  const unbuilt = observation.readings.find((reading) => reading.kind === 'unbuilt')
  if (unbuilt) return stay(`the broker cannot be reached, nothing is decided: ${unbuilt.cause}`, before)

  const { metrics, history } = metricsOf(object, before, observation)
  const failed = metrics.find((metric) => metric.kind === 'failed')
  const cpuOnly = object.triggers.every((trigger) => trigger.type === 'cpu')
  const why = cpuOnly ? 'there are only cpu triggers' : activity(object, metrics)
  if (why !== null || object.forceActivation) {
    const because = why ?? 'activation is forced by annotation'
    return active({ object, history, nowMs, replicas, because, failed: failed !== undefined })
  }
  if (failed && object.fallback === null) return stay(`a trigger failed, nothing is decided: ${failed.cause}`, history)
  if (failed && object.fallback?.replicas !== 0) {
    return stay(`a trigger failed, the fallback waits for its threshold: ${failed.cause}`, history)
  }
  return inactive(object, history, nowMs, replicas)
}

function paused(history: ScalingHistory, object: ScaledObject, replicas: number): Decision {
  const wanted = object.pause.replicas ?? replicas
  const at = object.pause.replicas === null ? '' : ` at ${wanted} replicas`
  return { replicas: wanted, reason: `paused by annotation${at}`, history: withoutHpa(history) }
}

/** What makes it active, in words; null if nothing does. */
function activity(object: ScaledObject, metrics: ReturnType<typeof metricsOf>['metrics']): string | null {
  for (const [index, metric] of metrics.entries()) {
    const trigger = object.triggers[index]
    if (metric.kind !== 'value' || trigger?.type !== 'rabbitmq') continue
    if (metric.fallback) return `the fallback of ${trigger.queue} is active`
    if (metric.value > trigger.activationValue) {
      return `${shownMessages(metric.value)} in ${trigger.queue} > activation at ${trigger.activationValue}`
    }
  }
  return null
}

interface Active {
  readonly object: ScaledObject
  readonly history: ScalingHistory
  readonly nowMs: number
  readonly replicas: number
  readonly because: string
  readonly failed: boolean
}

function active({ object, history, nowMs, replicas, because, failed }: Active): Decision {
  const lowered = object.idleReplicas !== null && replicas < object.minReplicas
  if (replicas === 0 || lowered) {
    if (object.pause.scaleOut) return { replicas, reason: `${because}; scale-out is paused by annotation`, history }
    return { replicas: Math.max(1, object.minReplicas), reason: because, history: { ...history, lastActiveMs: nowMs } }
  }
  // n.b. a trigger that fails beside an active one keeps KEDA from noting the time: the cooldown then counts from before.
  return { replicas, reason: because, history: failed ? history : { ...history, lastActiveMs: nowMs } }
}

function inactive(object: ScaledObject, history: ScalingHistory, nowMs: number, replicas: number): Decision {
  const stay = (reason: string): Decision => ({ replicas, reason, history })
  const { idleReplicas, minReplicas } = object
  const goesIdle = idleReplicas !== null && replicas > idleReplicas
  if (!goesIdle && !(replicas > 0 && minReplicas === 0)) {
    if (idleReplicas !== null || replicas >= minReplicas) return stay('no trigger is active')
    return { replicas: minReplicas, reason: `minReplicaCount is ${minReplicas}`, history }
  }
  if (object.pause.scaleIn) return stay('no trigger is active; scale-in is paused by annotation')
  const first = history.lastActiveMs === null
  const sinceMs = history.lastActiveMs ?? history.createdMs
  const waitMs = first ? object.initialCooldownMs : object.cooldownMs
  // n.b. KEDA keeps the time in whole seconds, rounded down: the poll at which the cooldown ends is already past it.
  if (nowMs < sinceMs + waitMs) {
    return stay(`no trigger is active; ${first ? 'initial cooldown' : 'cooldown'} of ${waitMs / 1000} s`)
  }
  const what = first ? 'no trigger was ever active' : `no trigger was active for the cooldown of ${waitMs / 1000} s`
  return { replicas: idleReplicas ?? minReplicas, reason: what, history }
}
