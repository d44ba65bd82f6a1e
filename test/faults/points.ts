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

/** Calls without an effect of their own: to die at one is to die at the next call that has one. */
const idle = /^(?:clock|log|instruments)\./

/** What most harm meets: so each list has it. */
const publishing = /\.publisher\.publish before$/

/**
 * A part of several lists of points that a test suite has time for: of each call that has an effect the middle occurrence, in one
 * of the lists that have it, so that each of them gets about as many as the others; and in each list the publish, too. In which
 * list is chosen by `seed`: every run chooses alike.
 * @param sides for a kill the side after a call, too: for other harms it is the one before the next call
 */
export function shareOut(lists: readonly (readonly Point[])[], seed: string, sides: 'before' | 'both'): Point[][] {
  const shares: Point[][] = lists.map(() => [])
  const calls = new Set(lists.flat().map(({ call }) => call))
  const tried = [...calls].filter((call) => !idle.test(call) && (sides === 'both' || call.endsWith(' before')))
  // Those that few lists have come first: the rest evens it out.
  const listsWith = (call: string) => lists.filter((points) => points.some((point) => point.call === call)).length
  const chosen = tried.toSorted(
    (a, b) => listsWith(a) - listsWith(b) || hashOf(`${seed} ${a}`) - hashOf(`${seed} ${b}`),
  )
  for (const call of chosen) {
    const able = lists.flatMap((points, index) => {
      const point = middleOf(points, call)
      const share = shares[index]
      return point && share ? [{ point, share }] : []
    })
    const [least] = able.toSorted((a, b) => a.share.length - b.share.length)
    least?.share.push(least.point)
  }
  for (const [index, share] of shares.entries()) {
    const points = lists[index] ?? []
    const call = points.map((one) => one.call).find((one) => publishing.test(one))
    const point = call && middleOf(points, call)
    if (point && !share.includes(point)) share.push(point)
  }
  return shares
}

/** Before it all stands that will, and after it something is left to be harmed. */
function middleOf(points: readonly Point[], call: string): Point | undefined {
  const own = points.filter((point) => point.call === call)
  return own[own.length >> 1]
}

/** FNV-1a. */
const hashOf = (text: string): number => {
  let hash = 0x811c9dc5
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0
  return hash
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
