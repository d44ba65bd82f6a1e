import type { ErrorCode } from './errors.ts'
import type { Headers } from './spec.ts'

/**
 * The runtime's own message headers. The broker's counters differ by version and start anew on a republish, so what
 * must survive a move is carried here.
 */
export const header = {
  /** Attempts that failed so far, an integer. Absent on a message that was never tried. */
  failed: 'kedafn-failed-attempts',
  /** The queue a retry or a dead letter comes from. */
  origin: 'kedafn-origin',
  /** Why the last attempt failed, in words. */
  cause: 'kedafn-cause',
  /** The error code of the last failure. */
  code: 'kedafn-code',
  /** First and last failure, ISO 8601. */
  firstFailure: 'kedafn-first-failure',
  lastFailure: 'kedafn-last-failure',
  /** This delivery was in the hands of a process that died, more than once: it is handled alone from now on. */
  suspect: 'kedafn-suspect',
  /** The message may have been published before: by a session that was lost, or by a producer that died. */
  mayRepeat: 'kedafn-may-repeat',
  /** A line too long for one message is kept in parts: this part's number from 0, and whether it is the last. */
  part: 'kedafn-part',
  lastPart: 'kedafn-last-part',
  /** How many lines the message carries, packed: each is a delivery of its own. Absent on a message of one. */
  lines: 'kedafn-lines',
  /** It was published once more, out of the history: by which entry of it, and when. Whoever is told to do it again does it again. */
  replay: 'kedafn-replay',
  /** How often the message was moved back from the dead letters, an integer. */
  redrives: 'kedafn-redrives',
  /** The last few of these, oldest first: a list of tables that say when, and what the message had died of. */
  redriven: 'kedafn-redriven',
} as const

/** A cause longer than this is cut: an AMQP header table must fit one frame. */
const causeLimit = 1024

/** Failed attempts so far. A header that is no sane integer counts as none: a retry more is better than a lost message. */
export function failedAttempts(headers: Headers): number {
  const value = headers[header.failed]
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0
}

/** When the first attempt failed, ms since 1970; null before any failure. */
export function firstFailureAt(headers: Headers): number | null {
  const value = headers[header.firstFailure]
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(at) ? null : at
}

/**
 * How often the broker took this copy back from a consumer, or 0: only quorum queues count.
 * n.b. A counter of the broker's, and so no count of attempts: it also counts what was only prefetched by a consumer that
 * went away, and on 3.10 and 4.0 what was handed back politely.
 */
export function deliveryCount(headers: Headers): number {
  const value = headers['x-delivery-count']
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0
}

export const isSuspect = (headers: Headers): boolean => headers[header.suspect] === true

/** The headers of a delivery that from now on is handled alone. */
export function suspectHeaders(headers: Headers): Record<string, unknown> {
  return { ...withoutBrokerHeaders(headers), [header.suspect]: true }
}

/** The headers of a delivery that goes back by itself: the message that brought it may come again as well. */
export function partHeaders(headers: Headers): Record<string, unknown> {
  return { ...withoutBrokerHeaders(headers), [header.mayRepeat]: true }
}

/**
 * n.b. 3.10 goes on counting in a republished `x-death`, 4.x delivers a forged `x-delivery-count` as it came. A stream tells each
 * message's place in `x-stream-offset`. `CC` and `BCC` make the broker route a publish to further queues: on a move they would multiply the message.
 */
const brokerHeader =
  /^(?:x-(?:death$|first-death-|last-death-|delivery-count$|acquired-count$|stream-offset$|opt-)|B?CC$)/

/** The headers without those that the broker writes or acts on: what a republish may carry. */
export function withoutBrokerHeaders(headers: Headers): Record<string, unknown> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !brokerHeader.test(name)))
}

export interface Failure {
  readonly queue: string
  readonly code: ErrorCode
  readonly cause: string
  /** Attempts that failed, this one included. */
  readonly failed: number
  /** ms since 1970. */
  readonly at: number
}

/** The headers of a message that moves to a retry queue or to dead letters. */
export function movedHeaders(headers: Headers, failure: Failure): Record<string, unknown> {
  const at = new Date(failure.at).toISOString()
  const first = headers[header.firstFailure]
  // A delivery that a process survived is no suspect any more.
  const { [header.suspect]: _suspect, ...kept } = withoutBrokerHeaders(headers)
  return {
    ...kept,
    [header.failed]: failure.failed,
    [header.origin]: failure.queue,
    [header.code]: failure.code,
    [header.cause]: failure.cause.slice(0, causeLimit),
    [header.firstFailure]: typeof first === 'string' ? first : at,
    [header.lastFailure]: at,
  }
}

/** What a past delivery left behind, and what the message itself tells of: that stays. */
const leftBehind: ReadonlySet<string> = new Set([
  header.failed,
  header.origin,
  header.cause,
  header.code,
  header.firstFailure,
  header.lastFailure,
  header.suspect,
  header.mayRepeat,
  header.replay,
])

/** One message of a history. */
export interface Replayed {
  readonly stream: string
  readonly offset: number
  /** When it is published again, ms since 1970. */
  readonly at: number
}

/** The headers of a message that is published once more on purpose: as if it had never been tried, and in the trace it came from. */
export function replayHeaders(headers: Headers, { stream, offset, at }: Replayed): Record<string, unknown> {
  const kept = Object.entries(withoutBrokerHeaders(headers)).filter(([name]) => !leftBehind.has(name))
  return { ...Object.fromEntries(kept), [header.replay]: `${stream}@${offset} ${new Date(at).toISOString()}` }
}
