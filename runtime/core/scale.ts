/** The protocol counts prefetch in 16 bits. */
export const maxPrefetch = 65_535

/**
 * Acks go in groups of a batch, and a group must stay at or under half of the prefetch, or the broker idles while a group
 * is written: hence twice what the handlers can hold, at least 10. The spec check keeps it at or under {@link maxPrefetch}.
 */
export function prefetchOf(batchSize: number, concurrency: number): number {
  return Math.max(10, 2 * batchSize * concurrency)
}

/**
 * When, after SIGTERM, handlers that still run are told to give up, in ms: what is left of the grace period then must do
 * for settling and closing. A tenth of it, at least 0.5 s, at most 5 s, but never more than half.
 */
export function abortAfterMs(graceMs: number): number {
  const margin = Math.min(5000, Math.max(500, graceMs / 10), graceMs / 2)
  return graceMs - margin
}
