import type { Comparison } from './compare.ts'
import { count, counted } from './status.ts'

/** Where the lines are, by what everybody reports. */
export interface Position {
  readonly sent: number
  readonly confirmed: number
  readonly written: number
  /** Ready, in hand or waiting for another attempt; null: the broker cannot be asked. */
  readonly waiting: number | null
  /** In the dead letter queues. */
  readonly dead: number
  /** Left out by the producer's map. */
  readonly skipped: number
}

/** What the files themselves say. */
export interface Verdict {
  /** Lines that are neither in the output nor a dead letter nor left out; null: it cannot be told. */
  readonly lost: number | null
  readonly text: string
}

/** So many looks without any change are rest. n.b. longer than what looks at the retry queues takes to come round. */
const looksOfRest = 5

/**
 * Says whether anything was lost, by comparing input and output once everything has come to rest: counts of processes cannot prove it,
 * since what a process did just before it was killed is counted by nobody.
 */
export class Ledger {
  readonly #compare: () => Promise<Comparison | string>
  readonly #output: string
  #seen = ''
  #looks = 0
  #verdict: Verdict | null = null

  /** @param compare a string says why that cannot be done */
  constructor(compare: () => Promise<Comparison | string>, output: string) {
    this.#compare = compare
    this.#output = output
  }

  /** @returns the verdict on what is at rest; null: something moves */
  async look(position: Position): Promise<Verdict | null> {
    const { sent, confirmed, waiting } = position
    const seen = JSON.stringify(position)
    if (seen !== this.#seen) {
      this.#seen = seen
      this.#looks = 0
      this.#verdict = null
    }
    const atRest = waiting === 0 && sent === confirmed
    if (!atRest || ++this.#looks < looksOfRest) return null
    this.#verdict ??= this.#verdictOf(await this.#compare(), position)
    return this.#verdict
  }

  #verdictOf(comparison: Comparison | string, { dead, skipped }: Position): Verdict {
    if (typeof comparison === 'string') return { lost: null, text: `the files were not compared: ${comparison}` }
    const { expected, missing, duplicates } = comparison
    const copies =
      duplicates > 0 ? `; ${counted(duplicates, 'copy', 'copies')} came again, as at-least-once allows` : ''
    if (missing === 0) {
      const each = expected === 1 ? 'the one confirmed line is' : `all ${count(expected)} confirmed lines are`
      return { lost: 0, text: `nothing is lost: ${each} in ${this.#output}${copies}` }
    }
    const elsewhere = [
      ...(dead > 0 ? [counted(dead, 'dead letter')] : []),
      ...(skipped > 0 ? [`${count(skipped)} left out by map`] : []),
    ]
    const lost = Math.max(0, missing - dead - skipped)
    const known = elsewhere.length > 0 ? `; there are ${elsewhere.join(' and ')}` : ''
    const what = `${this.#output} lacks ${count(missing)} of ${count(expected)} confirmed lines${known}`
    return { lost, text: lost === 0 ? `nothing is lost: ${what}${copies}` : `${what}${copies}` }
  }
}
