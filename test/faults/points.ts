import type { Harm } from './saboteur.ts'

export interface Point {
  /** A call and a side of it: `store.save before`. */
  readonly call: string
  readonly occurrence: number
}

export interface Faulty {
  readonly harm: Harm
  readonly point: Point
}

export const labelOf = ({ call, occurrence }: Point): string => `${call} ${occurrence}`

/** Of each call that was seen: its first, a middle and its last occurrence. */
export function pointsOf(seen: Readonly<Record<string, number>>): Point[] {
  return Object.entries(seen).flatMap(([call, count]) =>
    [...new Set([1, Math.ceil(count / 2), count])].map((occurrence) => ({ call, occurrence })),
  )
}

/**
 * A part of them that a test suite has time for: a middle occurrence of each call that has an effect, and but for a kill only
 * the side before it, since the one after it is mostly the one before the next.
 */
export function partOf(seen: Readonly<Record<string, number>>, harm: Harm): Point[] {
  return Object.entries(seen)
    .filter(([call]) => !/^(?:clock|log|instruments)\./.test(call) && (harm === 'kill' || call.endsWith(' before')))
    .map(([call, count]) => ({ call, occurrence: Math.ceil(count / 2) }))
}

/** Runs `job` for every item, as many at a time as there are lanes, each with a lane of its own. */
export async function inLanes<L, T>(
  lanes: readonly L[],
  items: readonly T[],
  job: (lane: L, item: T) => Promise<void>,
): Promise<void> {
  const left = [...items]
  await Promise.all(
    lanes.map(async (lane) => {
      for (let item = left.shift(); item !== undefined; item = left.shift()) await job(lane, item)
    }),
  )
}
