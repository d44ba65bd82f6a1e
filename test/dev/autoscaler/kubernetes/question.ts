import { decide } from '../../../../dev/autoscaler/decision.ts'
import type { Reading } from '../../../../dev/autoscaler/history.ts'
import type { CpuTrigger, QueueTrigger, ScalingRules } from '../../../../dev/autoscaler/scaled-object.ts'
import { fresh, objectWith, queueTrigger, seen } from '../objects.ts'

/** As Kubernetes spells them. */
export interface Rules {
  readonly WindowSeconds: number
  readonly SelectPolicy: ScalingRules['selectPolicy']
  readonly Tolerance: string
  readonly Policies: readonly {
    readonly Type: 'Pods' | 'Percent'
    readonly Value: number
    readonly PeriodSeconds: number
  }[]
}

/** One sync of an HPA: all that its controller knows. */
export interface Question {
  /** Of an external metric, or of the cpu: a share of the request, or thousandths of a core. */
  readonly MetricType: 'AverageValue' | 'Value' | 'Utilization' | 'UsedValue'
  readonly Target: number
  readonly Messages: number
  readonly Pods: readonly { readonly Ready: boolean; readonly Used: number | null; readonly Requested: number }[]
  readonly Replicas: number
  readonly Running: number
  readonly Min: number
  readonly Max: number
  readonly ScaleUp: Rules | null
  readonly ScaleDown: Rules | null
  readonly Recommendations: readonly { readonly Count: number; readonly SecondsAgo: number }[]
  readonly Changes: readonly { readonly Count: number; readonly SecondsAgo: number }[]
}

const nowMs = 1_000_000
const rulesOf = ({ WindowSeconds, SelectPolicy, Tolerance, Policies }: Rules): ScalingRules => ({
  stabilizationMs: WindowSeconds * 1000,
  selectPolicy: SelectPolicy,
  tolerance: Number(Tolerance),
  policies: Policies.map(({ Type, Value, PeriodSeconds }) => ({
    ...{ type: Type, value: Value, periodMs: PeriodSeconds * 1000 },
  })),
})

function triggerOf({ MetricType, Target }: Question): QueueTrigger | CpuTrigger {
  if (MetricType === 'AverageValue' || MetricType === 'Value') {
    return { ...queueTrigger, value: Target, metricType: MetricType }
  }
  const metricType = MetricType === 'Utilization' ? 'Utilization' : 'AverageValue'
  return { type: 'cpu', name: 'cpu', metricType, value: Target }
}

export function ourAnswer(question: Question) {
  const { ScaleUp, ScaleDown, Pods, Replicas, Running, Messages, Recommendations, Changes } = question
  const trigger = triggerOf(question)
  const object = objectWith({
    triggers: [trigger],
    minReplicas: question.Min,
    maxReplicas: question.Max,
    behavior: ScaleUp && ScaleDown ? { scaleUp: rulesOf(ScaleUp), scaleDown: rulesOf(ScaleDown) } : null,
  })
  const atMs = ({ SecondsAgo }: { readonly SecondsAgo: number }): number => nowMs - SecondsAgo * 1000
  const history = fresh(object, {
    recommendations: Recommendations.map((one) => ({ replicas: one.Count, atMs: atMs(one) })),
    changes: Changes.map((one) => ({ change: one.Count, atMs: atMs(one) })),
  })
  const pods = Pods.map(({ Ready, Used, Requested }) => ({ ready: Ready, usedMilli: Used, requestedMilli: Requested }))
  const reading: Reading = trigger.type === 'cpu' ? { kind: 'cpu', pods } : { kind: 'value', value: Messages }
  const ready = pods.filter((pod) => pod.ready).length
  return decide('hpa', history, object, { ...seen(Replicas, reading, nowMs), running: Running, ready })
}
