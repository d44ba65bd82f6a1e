import { replicasForCpu } from './cpu.ts'
import { metricsOf } from './fallback.ts'
import { type Decision, type Observation, type ScalingHistory, shownMessages, withoutHpa } from './history.ts'
import { limited } from './hpa-limits.ts'
import { defaultBehavior, type HpaPeriods, hpaPeriods, type QueueTrigger, type ScaledObject } from './scaled-object.ts'

/** Replicas that one metric asks for, and the sum in words. */
export interface Proposal {
  readonly replicas: number
  readonly reason: string
}

/** Behind the comma of a sum of floats; Kubernetes counts in thousandths too. */
const milli = (value: number): number => Math.trunc(value * 1000)

/**
 * One sync of the HPA that KEDA makes of a ScaledObject: 1 <-> N.
 * Source of the rules: kubernetes `pkg/controller/podautoscaler/horizontal.go` and `replica_calculator.go`.
 */
export function syncHpa(
  before: ScalingHistory,
  object: ScaledObject,
  observation: Observation,
  periods: HpaPeriods = hpaPeriods,
): Decision {
  const { nowMs, replicas } = observation
  if (object.pause.all) return { replicas, reason: 'paused by annotation', history: withoutHpa(before) }
  const known = before.recommendations.length > 0 ? before : { ...before, recommendations: [{ replicas, atMs: nowMs }] }
  const stay = (reason: string, history: ScalingHistory): Decision => ({ replicas, reason, history })
  const min = Math.max(1, object.minReplicas)
  if (replicas === 0) return stay('the HPA rests at 0 replicas', known)
  const move = (to: number, reason: string, history: ScalingHistory): Decision =>
    to === replicas
      ? stay(reason, history)
      : { replicas: to, reason, history: { ...history, changes: [...history.changes, changeOf(replicas, to, nowMs)] } }
  if (replicas > object.maxReplicas) return move(object.maxReplicas, `maxReplicaCount is ${object.maxReplicas}`, known)
  if (replicas < min) return move(min, `minReplicaCount is ${min}`, known)
  const unbuilt = observation.readings.find((reading) => reading.kind === 'unbuilt')
  if (unbuilt) return stay(`no metric, nothing is decided: ${unbuilt.cause}`, known)

  const { metrics, history } = metricsOf(object, known, observation)
  const { proposal, failure } = highest(object, metrics, observation)
  // A metric that is missing might have asked for more.
  if (proposal === null || (failure !== null && proposal.replicas < replicas)) {
    return stay(`no metric, nothing is decided: ${failure}`, history)
  }
  const result = limited({ object, history, periods, nowMs, current: replicas, proposal })
  return move(result.replicas, result.reason, result.history)
}

const changeOf = (from: number, to: number, atMs: number) => ({ change: to - from, atMs })

function highest(object: ScaledObject, metrics: ReturnType<typeof metricsOf>['metrics'], observation: Observation) {
  let proposal: Proposal | null = null
  let failure: string | null = null
  for (const [index, metric] of metrics.entries()) {
    const trigger = object.triggers[index]
    let next: Proposal | string = 'there is no such metric'
    if (metric.kind === 'failed') next = metric.cause
    else if (metric.kind === 'cpu' && trigger?.type === 'cpu') {
      next = replicasForCpu(trigger, metric.pods, observation.replicas, object.behavior ?? defaultBehavior)
    } else if (metric.kind === 'value' && trigger?.type === 'rabbitmq') {
      next = replicasForQueue(object, trigger, metric.value, observation)
      if (metric.fallback && typeof next !== 'string') next = { ...next, reason: `fallback to ${next.replicas}` }
    }
    if (typeof next === 'string') failure ??= next
    else if (proposal === null || next.replicas > proposal.replicas) proposal = next
  }
  return { proposal, failure }
}

function replicasForQueue(
  object: ScaledObject,
  trigger: QueueTrigger,
  value: number,
  { replicas, running, ready }: Observation,
): Proposal | string {
  const { scaleUp, scaleDown } = object.behavior ?? defaultBehavior
  const averaged = trigger.metricType === 'AverageValue'
  // n.b. the count that an average is taken over is that of the pods that exist, not of those that are wanted.
  const counted = averaged ? running : 1
  const ratio = milli(value) / (milli(trigger.value) * counted)
  const each = averaged ? ' per replica' : ''
  if (ratio >= 1 - scaleDown.tolerance && ratio <= 1 + scaleUp.tolerance) {
    const kept = averaged ? running : replicas
    const reason = `${shownMessages(value)} / ${trigger.value}${each} is within the tolerance of ${kept}`
    return { replicas: kept, reason }
  }
  if (!averaged && running === 0) return 'there are no pods to count'
  const exact = milli(value) / milli(trigger.value)
  const wanted = Math.ceil(averaged ? exact : exact * ready)
  const factor = averaged ? '' : ` * ${ready} ready`
  return { replicas: wanted, reason: `${shownMessages(value)} / ${trigger.value}${each}${factor} = ${wanted}` }
}
