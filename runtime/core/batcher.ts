/**
 * Groups what arrives: a batch leaves when it is full, or when its oldest item has waited long enough. With no wait it
 * takes what is there, so batches grow by themselves while the handler is busy (group commit).
 */
export class Batcher<T> {
  readonly #size: number
  readonly #maxWaitMs: number
  #items: { item: T; at: number }[] = []
  #head = 0

  constructor(size: number, maxWaitMs: number) {
    this.#size = size
    this.#maxWaitMs = maxWaitMs
  }

  get length(): number {
    return this.#items.length - this.#head
  }

  push(item: T, now: number): void {
    this.#items.push({ item, at: now })
  }

  /** How long until a batch is due, in ms: 0 if one is, null if there is nothing to wait for. */
  dueInMs(now: number): number | null {
    const oldest = this.#items[this.#head]
    if (!oldest) return null
    if (this.length >= this.#size) return 0
    return Math.max(0, oldest.at + this.#maxWaitMs - now)
  }

  /** The oldest items, at most one batch of them. */
  take(): T[] {
    const end = Math.min(this.#items.length, this.#head + this.#size)
    const batch: T[] = []
    for (; this.#head < end; this.#head++) batch.push((this.#items[this.#head] as { item: T }).item)
    if (this.#head === this.#items.length) this.clear()
    else if (this.#head > 4096) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return batch
  }

  /** Takes everything out, in order. */
  clear(): T[] {
    const rest = this.#items.slice(this.#head).map(({ item }) => item)
    this.#items = []
    this.#head = 0
    return rest
  }
}
