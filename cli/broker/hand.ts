import type { ConsumeMessage } from 'amqplib'
import type { GuardedChannel } from './guarded-channel.ts'

/** A queue of 3.10 gets back in order no more than this at once, and no version what several consumers had. */
const returnedInOrder = 32
/** Given back before the queue is asked whether it has them. */
const stepsAtOnce = 16
/** A queue that shows none of them for so long will not. */
const shownMs = 10_000

/** All that amqplib reads of a message it settles. */
const byTag = (deliveryTag: number): ConsumeMessage => ({ fields: { deliveryTag } }) as ConsumeMessage

interface Entry {
  readonly round: number
  state: 'open' | 'kept' | 'taken'
}

interface Step {
  readonly round: number
  /** The tag of the last of them. */
  last: number
  size: number
}

/** What one channel has delivered, and what is to become of it: taken out of the queue, or given back to its place in the end. */
export class Hand {
  readonly on: GuardedChannel
  /** Those that are not settled, by tag, in their order. */
  readonly #open = new Map<number, Entry>()
  /** Taken, and their acks not sent. */
  #due: number[] = []
  #isFlushing = false
  /** How many are kept. */
  kept = 0
  /** The tag of the latest. */
  begun = 0

  constructor(on: GuardedChannel) {
    this.on = on
  }

  /** @param round which of the consumers of this channel it came to */
  begin(tag: number, round: number): void {
    this.#open.set(tag, { round, state: 'open' })
    this.begun = tag
  }

  /** How many of a round are not settled. */
  openOf(round: number): number {
    let count = 0
    for (const entry of this.#open.values()) if (entry.round === round) count++
    return count
  }

  /** It stays in the queue. @returns the round that it came in, or null if that is said already */
  keep(tag: number): number | null {
    const entry = this.#open.get(tag)
    if (entry?.state !== 'open') return null
    entry.state = 'kept'
    this.kept++
    this.#flushSoon()
    return entry.round
  }

  /** It leaves the queue: it is acked within this turn or with those before it. */
  take(tag: number): void {
    const entry = this.#open.get(tag)
    if (entry?.state !== 'open') return
    entry.state = 'taken'
    this.#due.push(tag)
    this.#flushSoon()
  }

  #flushSoon(): void {
    if (this.#isFlushing) return
    this.#isFlushing = true
    setImmediate(() => this.#flush())
  }

  /** One ack for all of the taken ones that stand before everything else; behind something kept each has its own. */
  #flush(): void {
    this.#isFlushing = false
    if (this.on.isOver) return
    const { channel } = this.on
    let last: number | null = null
    for (const [tag, { state }] of this.#open) {
      if (state !== 'taken') break
      last = tag
      this.#open.delete(tag)
    }
    if (last !== null) channel.ack(byTag(last), true)
    this.#due = this.#due.filter((tag) => this.#open.has(tag))
    if (this.kept === 0) return
    for (const tag of this.#due.splice(0)) {
      channel.ack(byTag(tag), false)
      this.#open.delete(tag)
    }
  }

  /**
   * Sends the acks, and gives all else back to the queue, in its order. The consumers have to be cancelled.
   * n.b. A channel with more than 32 commands for a queue unanswered gathers further ones by consumer and sends them on in another
   * order: so a few at a time, and on only when the queue shows them; the first ones alone, behind the acks before them.
   */
  async giveBack(queue: string): Promise<void> {
    for (const [tag, { state }] of this.#open) if (state === 'open') this.keep(tag)
    this.#flush()
    const steps = this.#steps()
    if (steps.length === 0) return
    let expected = await this.#ready(queue)
    let isAwaited = true
    for (const [index, { last, size }] of steps.entries()) {
      this.on.channel.nack(byTag(last), true, true)
      expected += size
      const isPause = index % stepsAtOnce === 0 || index === steps.length - 1
      // Another consumer takes what is given back: then there is no order to keep.
      if (isAwaited && isPause) isAwaited = await this.#isShown(queue, expected)
    }
    this.#open.clear()
  }

  /** Waits until so many are ready. @returns false if their number does not change any more */
  async #isShown(queue: string, expected: number): Promise<boolean> {
    let [last, since] = [-1, performance.now()]
    for (;;) {
      const ready = await this.#ready(queue)
      if (ready >= expected) return true
      if (ready !== last) [last, since] = [ready, performance.now()]
      else if (performance.now() - since > shownMs) return false
    }
  }

  async #ready(queue: string): Promise<number> {
    return (await this.on.guard(this.on.channel.checkQueue(queue))).messageCount
  }

  /** What may be given back at once. */
  #steps(): readonly Step[] {
    const steps: Step[] = []
    for (const [tag, { round }] of this.#open) {
      const step = steps.at(-1)
      if (step && step.round === round && step.size < returnedInOrder) {
        step.last = tag
        step.size++
      } else steps.push({ round, last: tag, size: 1 })
    }
    return steps
  }
}
