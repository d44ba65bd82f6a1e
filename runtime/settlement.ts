import { Prefix } from './core/inflight.ts'
import type { Delivery } from './core/spec.ts'
import type { Move } from './moves.ts'
import type { Counters, DeliverySource, Instruments, RawDelivery } from './ports.ts'

/**
 * A quorum queue of 3.10 puts what it gets back at once in order only if it is no more than this: beyond, it goes through an
 * Erlang map that has none.
 */
const returnedInOrder = 32

/** What a message is done with. */
const final: ReadonlySet<keyof Counters> = new Set(['acked', 'dead'])

/** A delivery on its way through the consumer's loop. */
export interface Job {
  /** The message that it came in: of several lines, it is one for all of them. */
  readonly raw: RawDelivery
  readonly id: string
  readonly bytes: Uint8Array
  /** How many deliveries its message brought, and whether it is the last of them. */
  of: number
  last: boolean
  /** What the handler sees; another attempt of the same delivery in an ordered queue. */
  delivery: Delivery<unknown>
  /** What keeps its order with it, in an ordered queue. */
  readonly key: string
  /** What becomes of it at once, for it cannot be decoded. */
  readonly unreadable: Move | null
  /** How it was settled: what was handed back must not be acked as well. */
  settled: 'ack' | 'handed-back' | null
  /** Which one it is on its channel. */
  sequence: number
}

/**
 * Who still owes the broker an answer. Acks go out for the contiguous finished prefix of a channel, one `multiple` ack for
 * all of it, and only on the channel that delivered. A message is answered when all deliveries that it brought are settled.
 */
export class Settlement {
  readonly #instruments: Instruments
  readonly #unsettled = new Map<DeliverySource, Prefix<Job>>()

  constructor(instruments: Instruments) {
    this.#instruments = instruments
    instruments.observe('kedafn.deliveries.in_flight', () => {
      return [...this.#unsettled.values()].reduce((sum, { open }) => sum + open, 0)
    })
  }

  /** What `raw` brings. */
  begin(raw: RawDelivery, jobs: readonly Job[]): void {
    this.#instruments.add('received', jobs.length)
    if (raw.redelivered) this.#instruments.add('redelivered', jobs.length)
    let unsettled = this.#unsettled.get(raw.source)
    if (!unsettled) {
      unsettled = new Prefix<Job>()
      this.#unsettled.set(raw.source, unsettled)
    }
    for (const job of jobs) job.sequence = unsettled.begin(job)
  }

  /**
   * These are done with; `counter` says in what way. Acked once everything before them on their channel is settled.
   * @returns how many were not settled, nor lost, before
   */
  ack(jobs: readonly Job[], counter: keyof Counters): number {
    return this.#settle(jobs, 'ack', counter)
  }

  /**
   * Gives these back to the queue at once: together, in their order, if they are all that is unsettled on their channel. All that came in
   * one message goes back, or nothing of it.
   */
  handBack(jobs: readonly Job[]): void {
    for (const [source, ofSource] of Map.groupBy(jobs, ({ raw }) => raw.source)) {
      const tags = [...new Set(ofSource.map(({ raw }) => raw.tag))].sort((a, b) => a - b)
      const together = this.#unsettled.get(source)?.open === ofSource.length
      const step = together ? returnedInOrder : 1
      for (let from = 0; from < tags.length; from += step) {
        source.handBack(tags[Math.min(from + step, tags.length) - 1] as number, together)
      }
    }
    this.#settle(jobs, 'handed-back', 'handedBack')
  }

  /** Acks what is done but stands behind something that is not: the channel is about to close. */
  flush(): void {
    for (const [source, unsettled] of this.#unsettled) {
      const open = new Set<number>()
      for (const { entry } of unsettled.pending()) open.add(entry.raw.tag)
      for (const { raw, last, settled } of unsettled.behind()) {
        if (last && settled === 'ack' && !open.has(raw.tag)) source.ack(raw.tag, false)
      }
    }
  }

  /** The channel is gone: what was not settled on it comes again from the broker. */
  lost(source: DeliverySource): void {
    this.#instruments.add('lost', this.#unsettled.get(source)?.open ?? 0)
    this.#unsettled.delete(source)
  }

  #settle(jobs: readonly Job[], settled: 'ack' | 'handed-back', counter: keyof Counters): number {
    const sources = new Set<DeliverySource>()
    const attempts = new Map<number, number>()
    let count = 0
    for (const job of jobs) {
      job.settled = settled
      if (!this.#unsettled.get(job.raw.source)?.finish(job.sequence)) continue
      sources.add(job.raw.source)
      count++
      const { attempt } = job.delivery
      attempts.set(attempt, (attempts.get(attempt) ?? 0) + 1)
    }
    if (final.has(counter)) {
      for (const [attempt, times] of attempts) this.#instruments.record('kedafn.delivery.attempts', attempt, '', times)
    }
    if (count > 0) this.#instruments.add(counter, count)
    for (const source of sources) {
      // What was handed back inside the prefix is settled already; the ack must name a tag that is not.
      let last: number | null = null
      this.#unsettled.get(source)?.advance((job) => {
        if (job.last && job.settled === 'ack') last = job.raw.tag
      })
      if (last !== null) source.ack(last, true)
    }
    return count
  }
}
