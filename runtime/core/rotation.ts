/** Which of several equal places is tried next: one after the other, from a random one on. */
export class Rotation {
  #next: number | null = null
  #failures = 0
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  /** The index, below `count`, of the place to try now. The one after it is next. */
  take(count: number): number {
    const index = (this.#next ?? Math.floor(this.#random() * count)) % count
    this.#next = index + 1
    return index
  }

  /** @returns true once all of `count` have failed since the last round or success */
  failed(count: number): boolean {
    this.#failures++
    if (this.#failures < count) return false
    this.#failures = 0
    return true
  }

  succeeded(): void {
    this.#failures = 0
  }
}
