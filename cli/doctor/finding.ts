import type { Facts } from './facts.ts'

export const severities = ['error', 'warning', 'note'] as const
/** `error`: messages wait or are lost. `warning`: that will come. `note`: worth knowing, and no finding. */
export type Severity = (typeof severities)[number]

/** One thing that is wrong. */
export interface Finding {
  readonly severity: Severity
  /** What it is about: `queue logs`, `deployment log-consumer in namespace kedafn`. */
  readonly subject: string
  /** What is wrong, one sentence. */
  readonly what: string
  /** Why it matters, one or two sentences. */
  readonly why: string
  /** What was seen that says so. */
  readonly evidence: readonly string[]
  /** Commands, or what to change where no command can. */
  readonly mend: readonly string[]
}

/** A finding with the check that has found it. */
export interface Diagnosis extends Finding {
  readonly check: string
}

/** Looks for one misconfiguration. Pure. */
export interface Check {
  readonly id: string
  /** What it looks for, in a few words. */
  readonly title: string
  /** It may be a moment of a healthy line: it counts when it is still so at a second look. */
  readonly passing?: true
  find(facts: Facts): readonly Finding[]
}
