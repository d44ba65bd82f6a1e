/**
 * Things that are begun in order, finish in any order and count only as a contiguous prefix: publishes and their
 * confirms, delivery tags and their acks, lines and the checkpoint.
 */
export class Prefix<T> {
  #entries: (T | undefined)[] = []
  #done: boolean[] = []
  /** Sequence number of the first entry still held. */
  #base: number
  /** How many leading slots of the arrays are given up; they are cut off in blocks. */
  #head = 0
  #open = 0

  /** `first` is the sequence number of the first entry: 1 for AMQP tags. */
  constructor(first = 0) {
    this.#base = first
  }

  /** Begins an entry; returns its sequence number. */
  begin(entry: T): number {
    this.#entries.push(entry)
    this.#done.push(false)
    this.#open++
    return this.#base + this.#entries.length - this.#head - 1
  }

  /** Marks one entry as done. False if it was done before or never begun. */
  finish(sequence: number): boolean {
    const index = this.#head + sequence - this.#base
    if (index < this.#head || this.#done[index] !== false) return false
    this.#done[index] = true
    this.#open--
    return true
  }

  /** Gives up the done prefix, calling `each` in order. Returns the last sequence number given up, or null. */
  advance(each: (entry: T, sequence: number) => void = () => {}): number | null {
    let last: number | null = null
    while (this.#done[this.#head] === true) {
      const entry = this.#entries[this.#head] as T
      this.#entries[this.#head] = undefined
      this.#head++
      last = this.#base++
      each(entry, last)
    }
    if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries.splice(0, this.#head)
      this.#done.splice(0, this.#head)
      this.#head = 0
    }
    return last
  }

  /** Entries that are not done. */
  get open(): number {
    return this.#open
  }

  /** Entries held: not done, or behind one that is not done. */
  get held(): number {
    return this.#entries.length - this.#head
  }

  /** The entries done but held, for they are behind one that is not. */
  *behind(): Generator<T> {
    for (let index = this.#head; index < this.#entries.length; index++) {
      if (this.#done[index] === true) yield this.#entries[index] as T
    }
  }

  /** The entries not done, in order. */
  *pending(): Generator<{ sequence: number; entry: T }> {
    for (let index = this.#head; index < this.#entries.length; index++) {
      if (this.#done[index] === false) {
        yield { sequence: this.#base + index - this.#head, entry: this.#entries[index] as T }
      }
    }
  }
}
