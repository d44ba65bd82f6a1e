import type { Place } from './place.ts'

/**
 * A producer's clock and the broker's may differ so much, and a line may wait so long for its confirm: a message is looked for
 * in what the broker wrote so much before and after the time it bears.
 */
const slackMs = 5 * 60_000

/** What of a stream is looked at, and which of it is meant. Offsets; each `end` is the first that is not in it. */
export interface Range {
  readonly start: number
  readonly end: number
  /** Of what bears a time, in ms since 1970; null: any. */
  readonly fromTime: number | null
  readonly toTime: number | null
  /** Of what bears none, which goes by when the broker wrote it. */
  readonly untimedStart: number
  readonly untimedEnd: number
}

/** What a range is found out with. */
export interface StreamEdges {
  readonly first: number
  /** The first offset that is not written yet. */
  readonly end: number
  /** The first offset that the broker wrote at this time or later; `end` if there is none. */
  at(seconds: number): Promise<number>
}

/** @param now ms since 1970 */
export async function rangeOf(edges: StreamEdges, from: Place, to: Place | null, now: number): Promise<Range> {
  const { first, end } = edges
  const within = (offset: number) => Math.min(Math.max(offset, first), end)
  // What was not written yet need not be asked for: it would have to be waited for.
  const at = async (ms: number) => (ms > now ? end : within(await edges.at(Math.floor(ms / 1000))))
  // n.b. at once: each may have to wait for what does not come.
  const [start, untimedStart, stop, untimedEnd] = await Promise.all([
    'offset' in from ? within(from.offset) : at(from.time - slackMs),
    'offset' in from ? 0 : at(from.time),
    to === null ? end : 'offset' in to ? within(to.offset) : at(to.time + slackMs),
    to === null || 'offset' in to ? end : at(to.time),
  ])
  return {
    start,
    end: Math.max(start, stop),
    fromTime: 'offset' in from ? null : Math.floor(from.time / 1000) * 1000,
    toTime: to === null || 'offset' in to ? null : to.time,
    untimedStart,
    untimedEnd,
  }
}

/** Whether a message that stands between the range's offsets is meant. */
export function isIn(range: Range, { offset, timestamp }: { offset: number; timestamp: number | null }): boolean {
  if (timestamp === null) return offset >= range.untimedStart && offset < range.untimedEnd
  return (range.fromTime === null || timestamp >= range.fromTime) && (range.toTime === null || timestamp < range.toTime)
}
