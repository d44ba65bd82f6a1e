import type { Bench } from './bench.ts'
import type { Comparison, Growth, Sample, Section } from './result.ts'

/** What is measured in one run: its sides take turns, round by round. */
export interface Row {
  readonly name: string
  readonly section: Section
  readonly title: string
  /** Part of `--quick`. */
  readonly quick?: boolean
  /** Only if it is named: it takes long. */
  readonly onRequest?: boolean
  readonly rounds?: { readonly full: number; readonly quick: number }
  prepare(bench: Bench): Promise<Prepared>
}

export type Side = () => Promise<Sample>

export interface Prepared {
  readonly sides: Readonly<Record<string, Side>>
  readonly comparisons: readonly Comparison[]
  readonly growth?: readonly Growth[]
  /** What must be known to read the numbers. */
  readonly notes?: readonly string[]
  readonly skipped?: readonly string[]
  /** A run of each side that does not count comes first. @default true */
  readonly warmUp?: boolean
}
