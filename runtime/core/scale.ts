/** The protocol counts prefetch in 16 bits. */
export const maxPrefetch = 65_535

/** What decides how many deliveries one process holds. */
export interface Capacity {
  readonly batchSize: number
  readonly batchMaxWaitMs: number
  readonly concurrency: number
  readonly timeoutMs: number
  /** Up to how many deliveries come in one message. */
  readonly linesPerMessage: number
  /** Undefined if the spec does not say. */
  readonly messagesPerReplica: number | undefined
}

/**
 * Acks go in groups of a batch, and a group must stay at or under half of the prefetch, or the broker idles while a group
 * is written: hence twice what the handlers can hold, at least 10. The spec check keeps it at or under {@link maxPrefetch}.
 */
export function prefetchOf(batchSize: number, concurrency: number): number {
  return Math.max(10, 2 * batchSize * concurrency)
}

/**
 * n.b. RabbitMQ ends a consumer that has not acked a delivery for 30 minutes, prefetched ones included; it looks once a
 * minute. The rest is for settling.
 */
const longestHoldMs = 28 * 60_000

/** How many deliveries one process is through with before the broker loses patience: a message may not carry more. */
export const deliveriesInTime = ({
  batchSize,
  batchMaxWaitMs,
  concurrency,
  timeoutMs,
}: Omit<Capacity, 'messagesPerReplica'>) =>
  batchSize * concurrency * Math.floor(longestHoldMs / (timeoutMs + batchMaxWaitMs))

/**
 * The prefetch of a consumer, in messages: {@link prefetchOf}, but no more than one replica is for, so that new replicas find something,
 * and no more than is through before the broker loses patience. Never less than the handlers hold at once.
 */
export function prefetchFor(capacity: Capacity): number {
  const { batchSize, concurrency, linesPerMessage, messagesPerReplica = maxPrefetch } = capacity
  const held = Math.ceil((batchSize * concurrency) / linesPerMessage)
  const wanted = Math.ceil(prefetchOf(batchSize, concurrency) / linesPerMessage)
  const inTime = Math.floor(deliveriesInTime(capacity) / linesPerMessage)
  return Math.max(held, Math.min(wanted, messagesPerReplica, inTime))
}

/**
 * When, after SIGTERM, handlers that still run are told to give up, in ms: what is left of the grace period then must do
 * for settling and closing. A tenth of it, at least 0.5 s, at most 5 s, but never more than half.
 */
export function abortAfterMs(graceMs: number): number {
  const margin = Math.min(5000, Math.max(500, graceMs / 10), graceMs / 2)
  return graceMs - margin
}
