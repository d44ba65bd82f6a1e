/** Numbered things by the time they are due, the earliest first; of equal times the one that was put in first. */
export class Heap<T> {
  readonly #items: { readonly at: number; readonly order: number; readonly item: T }[] = []
  #order = 0

  /** When the first is due; infinity if there is none. */
  get next(): number {
    return this.#items[0]?.at ?? Number.POSITIVE_INFINITY
  }

  push(at: number, item: T): void {
    const items = this.#items
    const entry = { at, order: this.#order++, item }
    let index = items.length
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = items[parent]
      if (!above || above.at <= at) break
      items[index] = above
      index = parent
    }
    items[index] = entry
  }

  pop(): T | undefined {
    const items = this.#items
    const first = items[0]
    const last = items.pop()
    if (!first || !last || items.length === 0) return first?.item
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      const left = items[child]
      if (!left) break
      const right = items[child + 1]
      const smaller = right && (right.at < left.at || (right.at === left.at && right.order < left.order)) ? right : left
      if (smaller !== left) child++
      if (last.at < smaller.at || (last.at === smaller.at && last.order < smaller.order)) break
      items[index] = smaller
      index = child
    }
    items[index] = last
    return first.item
  }
}
