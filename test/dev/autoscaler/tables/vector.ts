import type { Turn } from '../../../../dev/autoscaler/decision.ts'
import type { Reading, ScalingHistory } from '../../../../dev/autoscaler/history.ts'
import {
  defaultBehavior,
  type ScaledObject,
  type ScalingPolicy,
  type ScalingRules,
} from '../../../../dev/autoscaler/scaled-object.ts'

/** One question and its answer. */
export interface Vector {
  readonly turn?: Turn
  readonly object?: Partial<ScaledObject>
  readonly history?: Partial<ScalingHistory>
  /** Seconds. */
  readonly at?: number
  readonly replicas: number
  /** Pods that exist, if not as many as there are to be. */
  readonly running?: number
  readonly ready?: number
  readonly readings: Reading | readonly Reading[]
  readonly expected: number
}

/** Vectors of one rule. */
export interface Table {
  readonly rule: string
  /** Where the rule stands: a file and function of Kubernetes v1.35.4 or KEDA v2.20.2, or a page of their documentation. */
  readonly source: string
  readonly vectors: readonly Vector[]
}

/** Each row with its place, as a vector. */
export function table<Row extends readonly unknown[]>(
  rule: string,
  source: string,
  rows: readonly Row[],
  vectorOf: (...row: Row) => Vector,
): Table {
  return { rule, source, vectors: rows.map((row) => vectorOf(...row)) }
}

export const calculator = 'kubernetes pkg/controller/podautoscaler/replica_calculator.go'
export const controller = 'kubernetes pkg/controller/podautoscaler/horizontal.go'
export const executor = 'keda pkg/scaling/executor/scale_scaledobjects.go'

export const pods = (value: number, seconds: number): ScalingPolicy => ({
  ...{ type: 'Pods', value, periodMs: seconds * 1000 },
})
export const percent = (value: number, seconds: number): ScalingPolicy => ({
  ...{ type: 'Percent', value, periodMs: seconds * 1000 },
})

/** The default rules with these instead, and no window for scale-in unless it is asked for. */
export function behaving(scaleUp: Partial<ScalingRules> = {}, scaleDown: Partial<ScalingRules> = {}) {
  const { scaleUp: up, scaleDown: down } = defaultBehavior
  return { behavior: { scaleUp: { ...up, ...scaleUp }, scaleDown: { ...down, stabilizationMs: 0, ...scaleDown } } }
}

/** Nothing between the formula and the count but a far maximum. */
export const bare: Partial<ScaledObject> = { ...behaving({ policies: [pods(100_000, 15)] }), maxReplicas: 1000 }
