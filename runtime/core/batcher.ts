/**
 * Groups what arrives: a batch leaves when it is full, or when its oldest item has waited long enough. With no wait it
 * takes what is there, so batches grow by themselves while the handler is busy (group commit).
 */
export class Batcher<T> {
  readonly #size: number
  readonly #maxWaitMs: number
  readonly #items: { item: T; at: number }[] = []

  constructor(size: number, maxWaitMs: number) {
    this.#size = size
    this.#maxWaitMs = maxWaitMs
  }

  get length(): number {
    return this.#items.length
  }

  push(item: T, now: number): void {
    this.#items.push({ item, at: now })
  }

  /** How long until a batch is due, in ms: 0 if one is, null if there is nothing to wait for. */
  dueInMs(now: number): number | null {
    const [oldest] = this.#items
    if (!oldest) return null
    if (this.length >= this.#size) return 0
    return Math.max(0, oldest.at + this.#maxWaitMs - now)
  }

  /** The oldest items, at most one batch of them. */
  take(): T[] {
    return this.#items.splice(0, this.#size).map(({ item }) => item)
  }

  /** Takes everything out, in order. */
  clear(): T[] {
    return this.#items.splice(0).map(({ item }) => item)
  }
}
