import type { RetryOptions } from './spec.ts'

/** What makes a retry ladder. */
export type Ladder = Pick<Required<RetryOptions>, 'attempts' | 'firstDelayMs' | 'maxDelayMs'>

/**
 * The delay before reconnect attempt `attempt` (0 for the first), in ms: full jitter, uniform in [0, min(cap, base * 2^attempt)).
 * Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 *
 * The cap is what bounds the time from "the broker is back" to "we are back": it must stay well under 2 s.
 */
export function reconnectDelayMs(attempt: number, random: () => number, baseMs = 100, capMs = 1000): number {
  return random() * Math.min(capMs, baseMs * 2 ** attempt)
}

/**
 * The delays of the retry ladder, shortest first, each once: `first * 2^k`, at most `max`.
 *
 * | attempts | first | max | delays before attempts 2, 3, … |
 * |---|---|---|---|
 * | 5 | 1 s | 60 s | 1, 2, 4, 8 s |
 * | 9 | 1 s | 60 s | 1, 2, 4, 8, 16, 32, 60, 60 s (7 queues) |
 * | 1 | – | – | none: the first failure is final |
 */
export function retryLadder(retry: Ladder): readonly number[] {
  const delays: number[] = []
  for (let failed = 1; failed < retry.attempts; failed++) {
    const delayMs = retryDelayMs(failed, retry)
    if (delayMs === delays.at(-1)) break
    delays.push(delayMs)
  }
  return delays
}

/**
 * What a message of a retry queue gets as its own TTL, in ms: uniform in [delay/2, delay], so that what failed together does not come
 * back together ("equal jitter"). Never more than the queue's TTL, which is the delay.
 */
export function jitteredDelayMs(delayMs: number, random: () => number): number {
  return Math.max(1, Math.round(delayMs * (0.5 + random() / 2)))
}

/** The delay after the `failed`-th failed attempt (1 for the first), in ms. */
export function retryDelayMs(failed: number, retry: Ladder): number {
  return Math.min(retry.maxDelayMs, retry.firstDelayMs * 2 ** (failed - 1))
}
