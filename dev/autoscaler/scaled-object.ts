/** A ScaledObject as KEDA sees it: every default applied, every duration in ms. */
export interface ScaledObject {
  readonly name: string
  /** The Deployment it scales. */
  readonly target: string
  readonly pollingIntervalMs: number
  readonly cooldownMs: number
  readonly initialCooldownMs: number
  readonly minReplicas: number
  readonly maxReplicas: number
  readonly idleReplicas: number | null
  readonly fallback: Fallback | null
  /** null: none is given, and the HPA takes its rules from before there were behaviours. */
  readonly behavior: Behavior | null
  readonly triggers: readonly Trigger[]
  readonly pause: Pause
  /** Annotation `autoscaling.keda.sh/force-activation`. */
  readonly forceActivation: boolean
}

export interface Pause {
  /** Neither KEDA nor the HPA does anything. */
  readonly all: boolean
  /** What the pause sets the count to, once; null leaves it. */
  readonly replicas: number | null
  readonly scaleIn: boolean
  readonly scaleOut: boolean
}

export type FallbackBehavior = 'static' | 'currentReplicas' | 'currentReplicasIfHigher' | 'currentReplicasIfLower'

export interface Fallback {
  readonly failureThreshold: number
  readonly replicas: number
  readonly behavior: FallbackBehavior
}

export interface ScalingPolicy {
  readonly type: 'Pods' | 'Percent'
  readonly value: number
  readonly periodMs: number
}

export interface ScalingRules {
  readonly stabilizationMs: number
  readonly selectPolicy: 'Max' | 'Min' | 'Disabled'
  readonly policies: readonly ScalingPolicy[]
  /** The share of the target that a metric may be off it without anything being done. */
  readonly tolerance: number
}

export interface Behavior {
  readonly scaleUp: ScalingRules
  readonly scaleDown: ScalingRules
}

export interface QueueTrigger {
  readonly type: 'rabbitmq'
  readonly name: string
  readonly queue: string
  readonly protocol: 'http' | 'amqp'
  readonly excludeUnacknowledged: boolean
  /** The messages that one replica is for. */
  readonly value: number
  /** Active above it, not at it. */
  readonly activationValue: number
  readonly metricType: 'AverageValue' | 'Value'
  /** The HPA gets the value of KEDA's last poll, and does not ask the broker itself. */
  readonly useCachedMetrics: boolean
}

export interface CpuTrigger {
  readonly type: 'cpu'
  readonly name: string
  readonly metricType: 'Utilization' | 'AverageValue'
  /** Percent of the request, or thousandths of a core. */
  readonly value: number
}

export type Trigger = QueueTrigger | CpuTrigger

/** The rules of the API server for a behaviour that leaves a direction out (pkg/apis/autoscaling/v2/defaults.go). */
export const defaultBehavior: Behavior = {
  scaleUp: {
    stabilizationMs: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Pods', value: 4, periodMs: 15_000 },
      { type: 'Percent', value: 100, periodMs: 15_000 },
    ],
    tolerance: 0.1,
  },
  scaleDown: {
    stabilizationMs: 300_000,
    selectPolicy: 'Max',
    policies: [{ type: 'Percent', value: 100, periodMs: 15_000 }],
    tolerance: 0.1,
  },
}

/** Both periods of the HPA controller that no object can change. */
export interface HpaPeriods {
  readonly syncMs: number
  /** The window of an HPA without behaviour. */
  readonly stabilizationMs: number
}

export const hpaPeriods: HpaPeriods = { syncMs: 15_000, stabilizationMs: 300_000 }

/**
 * When the HPA syncs first: KEDA makes it just before it polls for the first time, and the controller hears of it a moment later.
 * n.b. so KEDA comes first where both fall together, and a function that it wakes is synced at once.
 */
export const firstSyncMs = ({ syncMs }: HpaPeriods): number => syncMs * 1.02

/** The same object in a world that goes `factor` times as fast. */
export function accelerated(object: ScaledObject, factor: number): ScaledObject {
  const faster = (rules: ScalingRules): ScalingRules => ({
    ...rules,
    stabilizationMs: rules.stabilizationMs / factor,
    policies: rules.policies.map((policy) => ({ ...policy, periodMs: policy.periodMs / factor })),
  })
  const { behavior } = object
  return {
    ...object,
    pollingIntervalMs: object.pollingIntervalMs / factor,
    cooldownMs: object.cooldownMs / factor,
    initialCooldownMs: object.initialCooldownMs / factor,
    behavior: behavior && { scaleUp: faster(behavior.scaleUp), scaleDown: faster(behavior.scaleDown) },
  }
}
