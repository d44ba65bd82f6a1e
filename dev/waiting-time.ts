interface Point {
  readonly atMs: number
  readonly confirmed: number
}

const keptPoints = 7200

/**
 * How long lines wait, told by two counts alone: the line that is the n-th to be written is taken to be the n-th that was
 * confirmed. With several consumers it is that on average.
 */
export class WaitingTime {
  readonly #points: Point[] = []
  #written = 0

  /** @returns ms between the confirm and the writing of the line written last; null: none was written since the last call, or it is not known */
  add(atMs: number, confirmed: number, written: number): number | null {
    this.#points.push({ atMs, confirmed })
    if (this.#points.length > keptPoints) this.#points.shift()
    const moved = written > this.#written
    this.#written = written
    if (!moved) return null
    while (this.#points.length > 1 && (this.#points[0]?.confirmed ?? 0) < written) this.#points.shift()
    const first = this.#points[0]
    return first && first.confirmed >= written ? atMs - first.atMs : null
  }
}
