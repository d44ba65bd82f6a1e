/** Groups what arrives into batches. */
export interface Batching<T> {
  readonly length: number
  push(item: T, now: number): void
  /** Puts items back in front of everything else, in their order, to be taken as soon as may be. */
  putBack(items: readonly T[]): void
  /** How long until a batch can be taken, in ms: 0 if one can, null if none can before something is pushed or released. */
  dueInMs(now: number): number | null
  /** The oldest items that may leave, at most one batch of them. */
  take(): T[]
  /** A batch is through: what had to wait for it may leave. */
  release(batch: readonly T[]): void
  /** Takes everything out, in order. */
  clear(): T[]
}

/**
 * A batch leaves when it is full, or when its oldest item has waited long enough. With no wait it takes what is there, so
 * batches grow by themselves while the handler is busy (group commit).
 */
export class Batcher<T> implements Batching<T> {
  readonly #size: number
  readonly #maxWaitMs: number
  readonly #items: T[] = []
  /** When each came. n.b. a list of its own: an object more for each item is felt. */
  readonly #at: number[] = []

  constructor(size: number, maxWaitMs: number) {
    this.#size = size
    this.#maxWaitMs = maxWaitMs
  }

  get length(): number {
    return this.#items.length
  }

  push(item: T, now: number): void {
    this.#items.push(item)
    this.#at.push(now)
  }

  putBack(items: readonly T[]): void {
    this.#items.unshift(...items)
    this.#at.unshift(...items.map(() => Number.NEGATIVE_INFINITY))
  }

  dueInMs(now: number): number | null {
    const [oldest] = this.#at
    if (oldest === undefined) return null
    if (this.length >= this.#size) return 0
    return Math.max(0, oldest + this.#maxWaitMs - now)
  }

  take(): T[] {
    this.#at.splice(0, this.#size)
    return this.#items.splice(0, this.#size)
  }

  release(): void {}

  clear(): T[] {
    this.#at.length = 0
    return this.#items.splice(0)
  }
}

interface Lane<T> {
  readonly key: string
  items: { item: T; at: number; number: number }[]
  busy: boolean
}

/**
 * Keeps the order of each key: a batch holds items of one key, and the next batch of that key leaves only when the one before was
 * released. Different keys leave side by side, the one whose oldest item came first before the others.
 */
export class KeyedBatcher<T> implements Batching<T> {
  readonly #size: number
  readonly #maxWaitMs: number
  readonly #keyOf: (item: T) => string
  readonly #lanes = new Map<string, Lane<T>>()
  #length = 0
  /** Numbers grow with each push and fall below all others with each item that is put back. */
  #next = 0
  #first = 0

  constructor(size: number, maxWaitMs: number, keyOf: (item: T) => string) {
    this.#size = size
    this.#maxWaitMs = maxWaitMs
    this.#keyOf = keyOf
  }

  get length(): number {
    return this.#length
  }

  push(item: T, now: number): void {
    this.#laneOf(item).items.push({ item, at: now, number: this.#next++ })
    this.#length++
  }

  putBack(items: readonly T[]): void {
    for (const item of items.toReversed()) {
      const entry = { item, at: Number.NEGATIVE_INFINITY, number: --this.#first }
      this.#laneOf(item).items.unshift(entry)
      this.#length++
    }
  }

  dueInMs(now: number): number | null {
    let least: number | null = null
    for (const lane of this.#free()) {
      const due = this.#dueInMs(lane, now)
      if (least === null || due < least) least = due
    }
    return least
  }

  /** Of the keys that may leave, the fullest or longest-waiting that is due; else the oldest. */
  take(): T[] {
    const free = this.#free().sort((a, b) => numberOf(a) - numberOf(b))
    const lane = free.find((candidate) => candidate.items.length >= this.#size) ?? free[0]
    if (!lane) return []
    lane.busy = true
    const batch = lane.items.splice(0, this.#size).map(({ item }) => item)
    this.#length -= batch.length
    return batch
  }

  release(batch: readonly T[]): void {
    const [first] = batch
    if (first === undefined) return
    const lane = this.#laneOf(first)
    lane.busy = false
    if (lane.items.length === 0) this.#lanes.delete(lane.key)
  }

  clear(): T[] {
    const all = [...this.#lanes.values()].flatMap((lane) => lane.items.splice(0))
    for (const lane of this.#lanes.values()) if (!lane.busy) this.#lanes.delete(lane.key)
    this.#length = 0
    return all.sort((a, b) => a.number - b.number).map(({ item }) => item)
  }

  #free(): Lane<T>[] {
    return [...this.#lanes.values()].filter((lane) => !lane.busy && lane.items.length > 0)
  }

  #dueInMs(lane: Lane<T>, now: number): number {
    if (lane.items.length >= this.#size) return 0
    return Math.max(0, (lane.items[0] as { at: number }).at + this.#maxWaitMs - now)
  }

  #laneOf(item: T): Lane<T> {
    const key = this.#keyOf(item)
    let lane = this.#lanes.get(key)
    if (!lane) {
      lane = { key, items: [], busy: false }
      this.#lanes.set(key, lane)
    }
    return lane
  }
}

const numberOf = <T>(lane: Lane<T>): number => (lane.items[0] as { number: number }).number
