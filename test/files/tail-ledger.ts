import assert from 'node:assert/strict'

const numberOf = (line: string): number => Number.parseInt(line, 10)

/** What was written and what was sent: checks what is promised whatever happens, apart from any model of the rules. */
export class Ledger {
  readonly sent: string[] = []
  readonly #ids = new Map<string, string>()
  /** How many contents began with, or held, a line from their begin. */
  readonly #contents = new Map<string, number>()
  /** The numbers of the lines that stood in the file at some look. */
  readonly #looked = new Set<number>()
  #restarts = 0
  #mayShareIds = false
  #ordered = true
  /** Lines from this number on were written after something that nobody can know. */
  #known = 0

  /** A content that holds this began. */
  began(text: string): void {
    for (const line of text.split('\n')) this.#contents.set(line, (this.#contents.get(line) ?? 0) + 1)
  }

  /** `upToDate`: from a checkpoint after everything that was sent. */
  restarted(upToDate: boolean, fromNothing: boolean): void {
    this.#restarts++
    // Without a checkpoint a file that was rotated is passed over; with an older one later, it is found again.
    this.#ordered &&= !fromNothing
    // How often a file was rewritten is known from the checkpoint alone: a rewrite that it does not know of is not counted.
    this.#mayShareIds ||= !upToDate
  }

  /** The file was changed so that nobody can know it: of what was written before, nothing is promised any more. */
  unknowable(nextNumber: number): void {
    this.#known = nextNumber
  }

  /** True until something unknowable happened. */
  get exact(): boolean {
    return this.#known === 0
  }

  take(id: string, line: string): void {
    this.sent.push(line)
    if (!this.#mayShareIds) assert.equal(this.#ids.get(id) ?? line, line, `two lines have the id ${id}`)
    this.#ids.set(id, line)
  }

  /** `text` is what the file holds at a look. */
  check(text: string): void {
    this.#checkLoss(text)
    for (const line of text.split('\n')) this.#looked.add(numberOf(line))
    this.#looked.delete(Number.NaN)
    if (!this.exact) return
    if (this.#ordered) this.#checkOrder()
    this.#checkRepeats()
  }

  #checkLoss(text: string): void {
    const sent = new Set(this.sent)
    for (const line of text.split('\n').slice(0, -1)) {
      if (this.exact || numberOf(line) >= this.#known) assert.ok(sent.has(line), `lost: ${line}`)
    }
  }

  /**
   * Numbers are given in the order of the writes. Of a line that stood in the file at no look no order is promised: it
   * may come to light only after a restart, in a rotated file.
   */
  #checkOrder(): void {
    const first = [...new Set(this.sent.map(numberOf).filter((number) => this.#looked.has(number)))]
    assert.deepEqual(
      first,
      first.toSorted((a, b) => a - b),
    )
  }

  #checkRepeats(): void {
    const counts = Object.entries(Object.groupBy(this.sent, (line) => line))
    for (const [line, times = []] of counts) {
      // In each life once of each content.
      const allowed = (1 + (this.#contents.get(line) ?? 0)) * (1 + this.#restarts)
      if (!Number.isNaN(numberOf(line))) assert.ok(times.length <= allowed, `${times.length} times: ${line}`)
    }
  }
}
