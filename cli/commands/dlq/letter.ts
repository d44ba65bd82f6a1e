import { failedAttempts, header } from '../../../runtime/core/headers.ts'
import { type Redrive, redriveCount, redrivesOf } from '../../../runtime/core/redrive.ts'
import { deadQueueOf } from '../../../runtime/core/topology.ts'
import { traceContextOf } from '../../../runtime/core/trace-context.ts'
import type { Delivered } from '../../broker/queue-reader.ts'

/** What a dead letter says of itself. Made of anything at all: a header that makes no sense counts as absent. */
export interface Letter {
  readonly id: string
  /** The code of the runtime; `broker:<reason>` where the broker gave the message up, `unknown` where nobody says. */
  readonly code: string
  readonly cause: string
  /** Attempts that failed. */
  readonly attempts: number
  /** The queue that it came from. */
  readonly origin: string
  /** ms since 1970; null if nobody knows. */
  readonly firstFailure: number | null
  readonly lastFailure: number | null
  /** When it was published. */
  readonly published: number | null
  readonly traceId: string | null
  readonly redrives: number
  /** The last few of them, oldest first. */
  readonly redriven: readonly Redrive[]
  readonly bytes: number
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

function time(value: unknown): number | null {
  const at = Date.parse(text(value))
  return Number.isNaN(at) ? null : at
}

/** What the broker wrote when it gave a message up. The runtime takes it off a message that it moves itself. */
interface BrokerDeath {
  readonly reason: string
  readonly queue: string
  readonly at: number | null
}

function brokerDeathOf(headers: Delivered['headers']): BrokerDeath | null {
  const [newest] = Array.isArray(headers['x-death']) ? (headers['x-death'] as unknown[]) : []
  if (typeof newest !== 'object' || newest === null) return null
  const { reason, queue, time: stamp } = newest as Record<string, unknown>
  if (typeof reason !== 'string' || typeof queue !== 'string') return null
  return { reason, queue, at: secondsOf((stamp as { value?: unknown } | undefined)?.value) }
}

const secondsOf = (value: unknown): number | null =>
  typeof value === 'number' && value > 0 && value < 1e11 ? value * 1000 : null

const brokerCauses: Readonly<Record<string, string>> = {
  delivery_limit: 'the broker gave it up: delivered more often than the queue allows',
  rejected: 'a consumer rejected it',
  expired: 'its time in the queue was over',
  maxlen: 'the queue was full',
}

/** @param queue the function's queue, whose dead letters are read */
export function letterOf(
  { headers, properties, body }: Pick<Delivered, 'headers' | 'properties' | 'body'>,
  queue: string,
): Letter {
  const death = brokerDeathOf(headers)
  const lastFailure = death ? death.at : time(headers[header.lastFailure])
  const origin = death?.queue || text(headers[header.origin])
  return {
    id: text(properties.messageId),
    code: death ? `broker:${death.reason}` : text(headers[header.code]) || 'unknown',
    cause: death ? (brokerCauses[death.reason] ?? death.reason) : text(headers[header.cause]),
    attempts: failedAttempts(headers),
    // One that says it came from here would go round and round.
    origin: origin === '' || origin === deadQueueOf(queue) ? queue : origin,
    firstFailure: time(headers[header.firstFailure]) ?? lastFailure,
    lastFailure,
    published: secondsOf(properties.timestamp),
    traceId: traceContextOf(headers)?.traceId ?? null,
    redrives: redriveCount(headers),
    redriven: redrivesOf(headers),
    bytes: body.length,
  }
}

/**
 * Lines that never became the message that they were meant to be: moved to the queue as they are, a consumer would get something else
 * than it expects.
 */
const rawLines: ReadonlySet<string> = new Set(['FN_MAP_FAILED', 'FN_MESSAGE_TOO_LARGE', 'FN_LINE_TOO_LONG'])

export const isRawLine = ({ code }: Letter): boolean => rawLines.has(code)
