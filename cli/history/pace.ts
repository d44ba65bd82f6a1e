import { setTimeout as sleep } from 'node:timers/promises'

/** What was too slow is made up for, up to so much of it. */
const behindMs = 100

/** Lets so many a second pass, evenly. */
export class Pace {
  readonly #everyMs: number
  #nextAt = 0

  constructor(perSecond: number) {
    this.#everyMs = 1000 / perSecond
  }

  /** Resolves when the next one may pass, or `signal` fires. */
  async turn(signal: AbortSignal): Promise<void> {
    const now = performance.now()
    this.#nextAt = Math.max(this.#nextAt, now - behindMs) + this.#everyMs
    const delay = this.#nextAt - this.#everyMs - now
    // n.b. a timer takes a millisecond at the least.
    if (delay >= 1) await sleep(delay, undefined, { signal }).catch(() => {})
  }
}
