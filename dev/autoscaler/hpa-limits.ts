import type { ScalingHistory } from './history.ts'
import type { Proposal } from './hpa.ts'
import type { Behavior, HpaPeriods, ScaledObject, ScalingRules } from './scaled-object.ts'
import { defaultBehavior } from './scaled-object.ts'

interface Wish {
  readonly object: ScaledObject
  readonly history: ScalingHistory
  readonly periods: HpaPeriods
  readonly nowMs: number
  readonly current: number
  readonly proposal: Proposal
}

interface Limited extends Proposal {
  readonly history: ScalingHistory
}

/** What becomes of a proposal after stabilisation windows, rates and the clamps, with each that mattered in the reason. */
export function limited(wish: Wish): Limited {
  const { object, history, nowMs, proposal, periods } = wish
  const behavior = effectiveBehavior(object)
  const history2 = remember(history, proposal.replicas, nowMs, behavior, periods)
  const result = behavior ? withBehavior(wish, behavior) : withoutBehavior(wish)
  return { ...result, history: history2 }
}

/** n.b. KEDA pauses one direction by disabling it in the HPA, which then has a behaviour even if the object has none. */
function effectiveBehavior({ behavior, pause }: ScaledObject): Behavior | null {
  if (!pause.scaleIn && !pause.scaleOut) return behavior
  const { scaleUp, scaleDown } = behavior ?? defaultBehavior
  return {
    scaleUp: pause.scaleOut ? { ...scaleUp, selectPolicy: 'Disabled' } : scaleUp,
    scaleDown: pause.scaleIn ? { ...scaleDown, selectPolicy: 'Disabled' } : scaleDown,
  }
}

/** The history with the new recommendation, and without what no window reaches any more. */
function remember(
  history: ScalingHistory,
  replicas: number,
  nowMs: number,
  behavior: Behavior | null,
  { stabilizationMs }: HpaPeriods,
): ScalingHistory {
  const windows = behavior ? [behavior.scaleUp.stabilizationMs, behavior.scaleDown.stabilizationMs] : [stabilizationMs]
  const reachMs = Math.max(...windows)
  const policies = behavior ? [...behavior.scaleUp.policies, ...behavior.scaleDown.policies] : []
  const ratesMs = Math.max(0, ...policies.map(({ periodMs }) => periodMs))
  return {
    ...history,
    recommendations: [
      ...history.recommendations.filter(({ atMs }) => atMs >= nowMs - reachMs),
      { replicas, atMs: nowMs },
    ],
    changes: history.changes.filter(({ atMs }) => atMs > nowMs - ratesMs),
  }
}

/** The rules for an HPA that has no behaviour: one window for both directions, and at most twice as many or 4. */
function withoutBehavior({ object, history, nowMs, current, proposal, periods }: Wish): Proposal {
  const cutoffMs = nowMs - periods.stabilizationMs
  const recent = history.recommendations.filter(({ atMs }) => atMs >= cutoffMs).map(({ replicas }) => replicas)
  const wanted = Math.max(proposal.replicas, ...recent)
  let { reason } = proposal
  if (wanted !== proposal.replicas)
    reason += `; ${wanted} was recommended in the last ${seconds(periods.stabilizationMs)}`
  return clamped({ wanted, reason, object, limit: Math.max(2 * current, 4), min: Math.max(1, object.minReplicas) })
}

function withBehavior({ object, history, nowMs, current, proposal }: Wish, behavior: Behavior): Proposal {
  const { scaleUp, scaleDown } = behavior
  const recent = (windowMs: number): number[] =>
    history.recommendations.filter(({ atMs }) => atMs > nowMs - windowMs).map(({ replicas }) => replicas)
  const upper = Math.min(proposal.replicas, ...recent(scaleUp.stabilizationMs))
  const lower = Math.max(proposal.replicas, ...recent(scaleDown.stabilizationMs))
  const wanted = Math.min(Math.max(current, upper), lower)
  let { reason } = proposal
  if (wanted !== proposal.replicas) {
    const rules = wanted > proposal.replicas ? scaleDown : scaleUp
    reason += `; held at ${wanted} by the window of ${seconds(rules.stabilizationMs)}`
  }
  const min = Math.max(1, object.minReplicas)
  if (wanted > current) {
    return clamped({ wanted, reason, object, limit: Math.max(current, rateUp(scaleUp, history, nowMs, current)), min })
  }
  if (wanted === current) return { replicas: wanted, reason }
  const floor = Math.min(current, rateDown(scaleDown, history, nowMs, current))
  return clamped({ wanted, reason, object, limit: object.maxReplicas, min: Math.max(min, floor) })
}

interface Clamp {
  readonly wanted: number
  readonly reason: string
  readonly object: ScaledObject
  /** The most that the rate allows. */
  readonly limit: number
  readonly min: number
}

function clamped({ wanted, reason, object, limit, min }: Clamp): Proposal {
  const max = Math.min(object.maxReplicas, limit)
  if (wanted > max) {
    const by = limit < object.maxReplicas ? 'the rate of scale-out' : 'maxReplicaCount'
    return { replicas: max, reason: `${reason}; ${by} allows ${max}` }
  }
  if (wanted >= min) return { replicas: wanted, reason }
  const by = min > Math.max(1, object.minReplicas) ? 'the rate of scale-in' : 'the minimum'
  return { replicas: min, reason: `${reason}; ${by} allows ${min}` }
}

/** How many there were when the period of a policy began, as far as the HPA changed it. */
function atStart(history: ScalingHistory, nowMs: number, periodMs: number, current: number): number {
  let start = current
  for (const { change, atMs } of history.changes) if (atMs > nowMs - periodMs) start -= change
  return start
}

function rateUp(rules: ScalingRules, history: ScalingHistory, nowMs: number, current: number): number {
  if (rules.selectPolicy === 'Disabled') return current
  const limits = rules.policies.map(({ type, value, periodMs }) => {
    const start = atStart(history, nowMs, periodMs, current)
    return type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100))
  })
  return rules.selectPolicy === 'Min' ? Math.min(...limits) : Math.max(...limits)
}

function rateDown(rules: ScalingRules, history: ScalingHistory, nowMs: number, current: number): number {
  if (rules.selectPolicy === 'Disabled') return current
  const limits = rules.policies.map(({ type, value, periodMs }) => {
    const start = atStart(history, nowMs, periodMs, current)
    return type === 'Pods' ? start - value : Math.trunc(start * (1 - value / 100))
  })
  return rules.selectPolicy === 'Min' ? Math.max(...limits) : Math.min(...limits)
}

const seconds = (ms: number): string => `${ms / 1000} s`
