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
  /** A line too long for one message is kept in parts: this part's number from 0, and whether it is the last. */
  part: 'kedafn-part',
  lastPart: 'kedafn-last-part',
} as const

/** A cause longer than this is cut: an AMQP header table must fit one frame. */
const causeLimit = 1024

/** Failed attempts so far. A header that is no sane integer counts as none: a retry more is better than a lost message. */
export function failedAttempts(headers: Headers): number {
  const value = headers[header.failed]
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0
}

/**
 * n.b. 3.10 goes on counting in a republished `x-death`, 4.x delivers a forged `x-delivery-count` as it came. `CC` and
 * `BCC` make the broker route a publish to further queues: on a move they would multiply the message.
 */
const brokerHeader = /^(?:x-(?:death$|first-death-|last-death-|delivery-count$|acquired-count$|opt-)|B?CC$)/

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
  return {
    ...withoutBrokerHeaders(headers),
    [header.failed]: failure.failed,
    [header.origin]: failure.queue,
    [header.code]: failure.code,
    [header.cause]: failure.cause.slice(0, causeLimit),
    [header.firstFailure]: typeof first === 'string' ? first : at,
    [header.lastFailure]: at,
  }
}
