import { ratiosOf, type Summary, summaryOf } from './statistics.ts'

export const sections = [
  'Throughput',
  'Latency',
  'Memory',
  'Faults',
  'Cold start',
  'Size',
  'Fleet',
  'Peers',
  'Growth',
] as const
export type Section = (typeof sections)[number]

/** What one side of a row measured in one round, by the name of the quantity. */
export type Sample = Readonly<Record<string, number>>

/** One line of the page: a quantity of one side, alone or as a ratio to another side's in the same round. */
export interface Comparison {
  /** Unique in its row. With the row's name, it is the name of the baseline. */
  readonly id: string
  readonly what: string
  readonly metric: string
  readonly unit: string
  readonly of: string
  /** Null: the quantity itself counts. */
  readonly to: string | null
  readonly better: 'higher' | 'lower'
  /** Null: it is shown, and nothing is asked of it. */
  readonly goal: number | null
  /** The run fails beyond this, whatever the baseline. */
  readonly limit?: number
}

/** A row of {@link GrowthTable} for each side, in the order of its x. */
export interface Growth {
  readonly x: string
  readonly points: readonly { readonly side: string; readonly x: number }[]
  readonly metrics: readonly { readonly metric: string; readonly unit: string }[]
}

export interface Judged extends Comparison {
  readonly value: Summary
  readonly ofSide: Summary
  readonly toSide: Summary | null
}

export interface GrowthTable {
  readonly x: string
  readonly units: readonly string[]
  readonly points: readonly { readonly label: string; readonly x: number; readonly values: readonly Summary[] }[]
}

/** What became of a row. Plain data: it is kept in a file. */
export interface Result {
  readonly name: string
  readonly section: Section
  readonly title: string
  readonly rounds: number
  /** Rounds before which the machine did not come to rest. */
  readonly disturbed: number
  readonly seconds: number
  readonly sides: Readonly<Record<string, Readonly<Record<string, Summary>>>>
  readonly judged: readonly Judged[]
  readonly growth: readonly GrowthTable[]
  readonly notes: readonly string[]
  /** What could not be had here, each with its reason. */
  readonly skipped: readonly string[]
}

export type Samples = Readonly<Record<string, readonly Sample[]>>

const valuesOf = (samples: Samples, side: string, metric: string): readonly number[] =>
  (samples[side] ?? []).map((sample) => {
    const value = sample[metric]
    if (value === undefined) throw new RangeError(`${side} has no ${metric}`)
    return value
  })

export function summariesOf(samples: Samples): Result['sides'] {
  return Object.fromEntries(
    Object.entries(samples).map(([side, list]) => [
      side,
      Object.fromEntries(
        Object.keys(list[0] ?? {}).map((metric) => [metric, summaryOf(valuesOf(samples, side, metric))]),
      ),
    ]),
  )
}

/** Comparisons whose sides were not measured here are left out. */
export function judge(comparisons: readonly Comparison[], samples: Samples): readonly Judged[] {
  return comparisons.flatMap((comparison): Judged | [] => {
    const { of, to, metric } = comparison
    const own = valuesOf(samples, of, metric)
    const floor = to === null ? null : valuesOf(samples, to, metric)
    if (own.length === 0 || floor?.length === 0) return []
    const value = summaryOf(floor === null ? own : ratiosOf(own, floor))
    return { ...comparison, value, ofSide: summaryOf(own), toSide: floor && summaryOf(floor) }
  })
}

export function tabulate({ x, points, metrics }: Growth, samples: Samples): GrowthTable {
  return {
    x,
    units: metrics.map(({ unit }) => unit),
    points: points.flatMap(({ side, x: at }) => {
      if ((samples[side] ?? []).length === 0) return []
      return { label: side, x: at, values: metrics.map(({ metric }) => summaryOf(valuesOf(samples, side, metric))) }
    }),
  }
}

export function isMet({ goal, better, value }: Judged): boolean {
  return goal === null || (better === 'higher' ? value.median >= goal : value.median <= goal)
}
