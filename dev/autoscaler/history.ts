import type { ScaledObject } from './scaled-object.ts'

/** What the two controllers remember of one ScaledObject. Immutable: each decision returns the next one. */
export interface ScalingHistory {
  readonly createdMs: number
  /** When a trigger was last seen active; null if never. */
  readonly lastActiveMs: number | null
  /** Failures in a row, a trigger each. */
  readonly failures: readonly number[]
  /** What the HPA wanted, before windows and limits. */
  readonly recommendations: readonly { readonly replicas: number; readonly atMs: number }[]
  /** What the HPA changed; negative for scale-in. KEDA's own changes are none of them. */
  readonly changes: readonly { readonly change: number; readonly atMs: number }[]
}

export function newHistory(object: ScaledObject, nowMs: number): ScalingHistory {
  const failures = object.triggers.map(() => 0)
  return { createdMs: nowMs, lastActiveMs: null, failures, recommendations: [], changes: [] }
}

/** What is left when KEDA deletes the HPA, as it does for a pause: the controller forgets, KEDA does not. */
export const withoutHpa = (history: ScalingHistory): ScalingHistory => ({
  ...history,
  recommendations: [],
  changes: [],
})

export interface PodUsage {
  readonly ready: boolean
  /** Thousandths of a core; null while there is no sample. */
  readonly usedMilli: number | null
  readonly requestedMilli: number
}

/** What one trigger says at one moment. */
export type Reading =
  | { readonly kind: 'value'; readonly value: number }
  | { readonly kind: 'cpu'; readonly pods: readonly PodUsage[] }
  /** Asked, and answered with an error: counts towards the fallback. */
  | { readonly kind: 'failed'; readonly cause: string }
  /** KEDA could not even connect: it does nothing at all then, and counts nothing (kedacore/keda#5525). */
  | { readonly kind: 'unbuilt'; readonly cause: string }

/** All that a decision looks at. */
export interface Observation {
  readonly nowMs: number
  /** What the Deployment is set to. */
  readonly replicas: number
  /** Pods that exist and are not being ended. */
  readonly running: number
  readonly ready: number
  /** One a trigger, in their order. */
  readonly readings: readonly Reading[]
}

export interface Decision {
  readonly replicas: number
  /** Why, in words, whether anything changes or not. */
  readonly reason: string
  readonly history: ScalingHistory
}

/** As reasons say it. */
export const shownMessages = (messages: number): string => `${messages} ${messages === 1 ? 'message' : 'messages'}`
