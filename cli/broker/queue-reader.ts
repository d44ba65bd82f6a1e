import { setTimeout as pause } from 'node:timers/promises'
import type { ConsumeMessage } from 'amqplib'
import { byTag, giveBack } from './give-back.ts'
import type { GuardedChannel } from './guarded-channel.ts'

/** A message that was delivered and is not settled. */
export interface Delivered {
  readonly tag: number
  readonly body: Uint8Array
  /** It was delivered before. n.b. Also to somebody who only looked at it. */
  readonly redelivered: boolean
  /** All but the headers, as they came. */
  readonly properties: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, unknown>>
}

export interface Reading {
  /** At most so many are looked at. */
  readonly bound: number
  /** How many may be delivered and not settled, at the moment; asked again and again. */
  readonly prefetch: () => number
  /** Called for each, in the order of the queue. Says {@link QueueReader.keep} or {@link QueueReader.take} of it, now or later. */
  readonly see: (delivered: Delivered) => void
}

/** The protocol counts a prefetch in 16 bits. */
const maxPrefetch = 65_535
/** A reading that gets nothing for so long looks whether there is anything left. */
const idleMs = 250
/** How long to wait until the broker has done what it was told at the end. */
const settledMs = 2000

/**
 * Reads a queue once from its head, and leaves in it, in their places, all messages that are not taken. Whoever is kept stays delivered
 * until the end: given back at once, the broker would deliver it again and again. So the messages come in rounds, each with a consumer of
 * its own, and a round ends when all that it may have is kept.
 */
export class QueueReader {
  readonly #on: GuardedChannel
  readonly #queue: string
  /** Those that are not settled, by tag, in their order. */
  readonly #open = new Map<number, { readonly round: number; state: 'open' | 'kept' | 'taken' }>()
  /** Taken, and their acks not sent. */
  #due: number[] = []
  #kept = 0
  #flushing = false
  #round = 0
  #credit = 0
  #keptInRound = 0
  #prefetch: () => number = () => 1
  #bound = 0
  #seen = 0
  #stopped = false
  #isIdle = false
  #looksAtNothing = 0
  #endRound: () => void = () => {}

  constructor(on: GuardedChannel, queue: string) {
    this.#on = on
    this.#queue = queue
  }

  /** How many were looked at. */
  get seen(): number {
    return this.#seen
  }

  /** Resolves when the bound is reached, nothing more comes, or it was stopped. What is delivered then may still be settled. */
  async read({ bound, prefetch, see }: Reading): Promise<void> {
    this.#bound = bound
    this.#prefetch = prefetch
    while (!this.#isOver()) await this.#readRound(see)
  }

  /** Nothing further is looked at. */
  stop(): void {
    this.#stopped = true
    this.#check()
  }

  /** It stays in the queue. */
  keep(tag: number): void {
    const entry = this.#open.get(tag)
    if (entry?.state !== 'open') return
    entry.state = 'kept'
    this.#kept++
    if (entry.round === this.#round) this.#keptInRound++
    this.#flushSoon()
    this.#check()
  }

  /** It leaves the queue: it is acked within this turn or with those before it. */
  take(tag: number): void {
    const entry = this.#open.get(tag)
    if (entry?.state !== 'open') return
    entry.state = 'taken'
    this.#due.push(tag)
    this.#flushSoon()
  }

  /** Sends the acks, gives back what is not taken, and closes the channel when the broker has done so. */
  async finish(): Promise<void> {
    for (const [tag, { state }] of this.#open) if (state === 'open') this.keep(tag)
    this.#flush()
    await giveBack(this.#on, this.#queue, this.#open)
    const { channel } = this.#on
    const deadline = performance.now() + settledMs
    // n.b. Acks sent one by one right before the close of their channel may be forgotten by 3.10, although it answers the close. A
    // consumer that was cancelled is counted until nothing of it is open.
    while (performance.now() < deadline) {
      const { consumerCount } = await this.#on.guard(channel.checkQueue(this.#queue))
      if (consumerCount === 0) break
      await pause(10)
    }
    await this.#on.guard(this.#on.close())
  }

  async #readRound(see: Reading['see']): Promise<void> {
    const { channel } = this.#on
    const round = ++this.#round
    this.#credit = this.#wanted()
    this.#keptInRound = 0
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    this.#endRound = resolve
    // n.b. The broker sorts by it what the consumers of a dead connection held.
    const consumerTag = `kedafn-${String(round).padStart(8, '0')}`
    const looking = setInterval(() => void this.#lookIfIdle().catch((error) => this.#on.fail(error)), idleMs)
    try {
      await this.#on.guard(channel.prefetch(this.#credit, false))
      await this.#on.guard(
        channel.consume(this.#queue, (message) => this.#deliver(message, round, see), { consumerTag }),
      )
      this.#check()
      await this.#on.guard(ended)
      await this.#on.guard(channel.cancel(consumerTag))
    } finally {
      clearInterval(looking)
    }
  }

  #deliver(message: ConsumeMessage | null, round: number, see: Reading['see']): void {
    if (!message) {
      this.#on.fail(new Error('the broker cancelled the consumer'))
      return
    }
    const { fields, properties, content } = message
    const tag = fields.deliveryTag
    this.#open.set(tag, { round, state: 'open' })
    this.#isIdle = false
    this.#looksAtNothing = 0
    if (this.#isOver()) this.keep(tag)
    else {
      this.#seen++
      const { headers = {}, ...others } = properties
      see({ tag, body: content, redelivered: fields.redelivered, properties: others, headers })
    }
    this.#check()
  }

  #isOver(): boolean {
    return this.#stopped || this.#seen >= this.#bound
  }

  #wanted(): number {
    return Math.max(1, Math.min(maxPrefetch, this.#prefetch()))
  }

  /** Ends the round if it can bring nothing more, or should be much larger or smaller. */
  #check(): void {
    const wanted = this.#wanted()
    const resize = wanted >= 2 * this.#credit || wanted * 2 <= this.#credit
    if (this.#isOver() || this.#keptInRound >= this.#credit || resize) this.#endRound()
  }

  /** n.b. What was delivered may stand behind the answer that nothing is left: one look does not do. */
  async #lookIfIdle(): Promise<void> {
    if (!this.#isIdle) {
      this.#isIdle = true
      return
    }
    const { messageCount } = await this.#on.guard(this.#on.channel.checkQueue(this.#queue))
    if (messageCount > 0) return
    if (this.#looksAtNothing++ > 0) this.stop()
  }

  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => this.#flush())
  }

  /** One ack for all of the taken ones that stand before everything else; behind something kept each has its own. */
  #flush(): void {
    this.#flushing = false
    if (this.#on.isOver) return
    const { channel } = this.#on
    let last: number | null = null
    for (const [tag, { state }] of this.#open) {
      if (state !== 'taken') break
      last = tag
      this.#open.delete(tag)
    }
    if (last !== null) channel.ack(byTag(last), true)
    const behind = this.#due.filter((tag) => this.#open.has(tag))
    this.#due = this.#kept > 0 ? [] : behind
    if (this.#kept === 0) return
    for (const tag of behind) {
      channel.ack(byTag(tag), false)
      this.#open.delete(tag)
    }
  }
}
