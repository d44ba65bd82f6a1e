/** How often a timer can be relied on, in ms. */
const tickMs = 20

/** So many a second, evenly, whatever the pauses in between: what was not used is not made up for. */
export class Pace {
  readonly #perMs: number
  readonly #most: number
  #tokens = 1
  #at: number | null = null

  /** @param perSecond null: as fast as it goes */
  constructor(perSecond: number | null) {
    this.#perMs = perSecond === null ? Number.POSITIVE_INFINITY : perSecond / 1000
    this.#most = Math.max(1, this.#perMs * tickMs * 2)
  }

  /** 0: one may go now, and is counted. Else after how many ms to ask again. */
  next(now: number): number {
    if (this.#perMs === Number.POSITIVE_INFINITY) return 0
    this.#tokens = Math.min(this.#most, this.#tokens + (now - (this.#at ?? now)) * this.#perMs)
    this.#at = now
    if (this.#tokens >= 1) {
      this.#tokens--
      return 0
    }
    return Math.max(1, Math.ceil((1 - this.#tokens) / this.#perMs))
  }
}
