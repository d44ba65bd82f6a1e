/**
 * Remembers the ids of late: at least the last `size`, at most twice as many. Two sets that take turns, since taking one out of
 * a set for each one put in costs several times as much.
 */
export class RecentIds {
  readonly #size: number
  #young = new Set<string>()
  #old = new Set<string>()

  constructor(size: number) {
    this.#size = size
  }

  add(id: string): void {
    this.#young.add(id)
    if (this.#young.size < this.#size) return
    this.#old = this.#young
    this.#young = new Set()
  }

  has(id: string): boolean {
    return this.#young.has(id) || this.#old.has(id)
  }
}
