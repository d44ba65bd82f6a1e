import type { Judged, Result } from './result.ts'
import { isMet } from './result.ts'

/** Ratios by `row/comparison`: they hold from machine to machine where lines a second do not. */
export type Baselines = Readonly<Record<string, number>>

/** A ratio may be worse than its baseline by as much: what two runs on a quiet machine differ by, and some more. */
const kept = 0.85

export interface Verdict {
  readonly failed: boolean
  /** What is wrong, a line each. */
  readonly failures: readonly string[]
  readonly line: string
}

const keyOf = (row: string, { id }: Judged): string => `${row}/${id}`

const shown = (value: number): string => (Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2))

/** @throws nothing: a row without a baseline passes */
export function judgeAgainst(baselines: Baselines, results: readonly Result[]): Verdict {
  const failures: string[] = []
  let gated = 0
  for (const { name, judged } of results) {
    for (const one of judged) {
      const { better, value, limit } = one
      const baseline = baselines[keyOf(name, one)]
      const worse = (bound: number) => (better === 'higher' ? value.median < bound : value.median > bound)
      if (limit !== undefined && worse(limit)) {
        failures.push(`${keyOf(name, one)} is ${shown(value.median)}, its limit is ${shown(limit)}`)
      } else if (one.to !== null && baseline !== undefined) {
        gated++
        const bound = better === 'higher' ? baseline * kept : baseline / kept
        if (worse(bound)) {
          failures.push(
            `${keyOf(name, one)} is ${shown(value.median)}, its baseline is ${shown(baseline)}, allowed is ${shown(bound)}`,
          )
        }
      }
    }
  }
  const goals = results.flatMap(({ judged }) => judged).filter(({ goal }) => goal !== null)
  const disturbed = results.filter((result) => result.disturbed > 0).length
  const parts = [
    `${gated} ratios against their baselines, ${failures.length} failed`,
    `${goals.filter(isMet).length} of ${goals.length} goals met`,
    ...(disturbed > 0 ? [`${disturbed} of ${results.length} rows DISTURBED by other load`] : []),
  ]
  const failed = failures.length > 0
  return { failed, failures, line: `${failed ? 'FAILED' : 'passed'}: ${parts.join('; ')}` }
}

/** The baselines with what these results say of what has none yet, or of all of theirs. Sorted by name. */
export function withBaselines(baselines: Baselines, results: readonly Result[], replace: boolean): Baselines {
  const all: Record<string, number> = { ...baselines }
  for (const { name, judged } of results) {
    for (const one of judged) {
      const key = keyOf(name, one)
      if (one.to === null || (all[key] !== undefined && !replace)) continue
      all[key] = Number(one.value.median.toPrecision(3))
    }
  }
  return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)))
}
