import { setTimeout as pause } from 'node:timers/promises'
import type { ConsumeMessage } from 'amqplib'
import type { GuardedChannel } from './guarded-channel.ts'
import { Hand } from './hand.ts'

/** A message that was delivered and is not settled. */
export interface Delivered {
  readonly body: Uint8Array
  /** It was delivered before. n.b. Also to somebody who only looked at it. */
  readonly redelivered: boolean
  /** All but the headers, as they came. */
  readonly properties: Readonly<Record<string, unknown>>
  readonly headers: Readonly<Record<string, unknown>>
  /** It stays in the queue: said now or later, or that it is taken. */
  keep(): void
  /** It leaves the queue. */
  take(): void
}

export interface Reading {
  /** At most so many are looked at. */
  readonly bound: number
  /** How many may be delivered and not settled, at the moment; asked again and again. */
  readonly prefetch: () => number
  /** Called for each, in the order of the queue. */
  readonly see: (delivered: Delivered) => void
}

/** The protocol counts a prefetch in 16 bits. */
const maxPrefetch = 65_535
/**
 * n.b. The broker looks for a message that is acked by itself among all that its channel holds, from the oldest on: with 50,000 of them it
 * acks 40 a second.
 */
export const keptOnOneChannel = 4096
/** A reading that gets nothing for so long asks whether there is anything left. */
const idleMs = 1000
/** So many answers in a row that there is not are believed. n.b. What is on its way to us counts as gone, and may be so for seconds. */
const believed = 10
/** So many are gathered at first, and how long at most: {@link QueueReader.finish}. */
const [firstGathered, gatheringMs] = [256, 20_000]
/** How long is waited for what is on its way. */
const onItsWayMs = 2000
/** How long to wait until the broker has done what it was told at the end. */
const settledMs = 10_000

/**
 * Reads a queue once from its head, and leaves in it, in their places, all messages that are not taken. What is kept stays delivered
 * until the end: given back at once, the broker would deliver it again and again. So the messages come in rounds, each with a consumer of
 * its own, and a round ends when all that it may have is kept.
 * n.b. If it dies, what it held comes back in its order, but for what was kept on further channels: {@link keptOnOneChannel}.
 */
export class QueueReader {
  readonly #queue: string
  readonly #hands: Hand[]
  #hand: Hand
  #round = 0
  #credit = 0
  #keptInRound = 0
  #prefetch: () => number = () => 1
  #bound = 0
  #seen = 0
  #isStopped = false
  /** Some were taken: there are acks that the broker has to look for. */
  #hasTaken = false
  #isGathering = false
  /** The latest one was delivered to somebody before: there may be more of these. */
  #isAmongReturned = false
  #isIdle = false
  #looksAtNothing = 0
  #endRound: () => void = () => {}

  constructor(on: GuardedChannel, queue: string) {
    this.#queue = queue
    this.#hand = new Hand(on)
    this.#hands = [this.#hand]
  }

  /** How many were looked at. */
  get seen(): number {
    return this.#seen
  }

  /** Resolves when the bound is reached, nothing more comes, or it was stopped. What is delivered then may still be settled. */
  async read({ bound, prefetch, see }: Reading): Promise<void> {
    this.#bound = bound
    this.#prefetch = prefetch
    while (!this.#isOver()) {
      if (this.#hasTaken && this.#hand.kept >= keptOnOneChannel) {
        this.#hand = new Hand(await this.#hand.on.sibling())
        this.#hands.push(this.#hand)
      }
      await this.#readRound(this.#hand, see)
    }
  }

  /** Nothing further is looked at. */
  stop(): void {
    this.#isStopped = true
    this.#check()
  }

  /** Sends the acks, gives back what is not taken, and closes the channels when the broker has done so. */
  async finish(): Promise<void> {
    await this.#gather()
    for (const hand of this.#hands) await hand.giveBack(this.#queue)
    const { on } = this.#hand
    const deadline = performance.now() + settledMs
    // n.b. Acks sent one by one right before the close of their channel may be forgotten by 3.10, although it answers the close. A
    // consumer that was cancelled is counted until nothing of it is open.
    while (performance.now() < deadline) {
      const { consumerCount } = await on.guard(on.channel.checkQueue(this.#queue))
      if (consumerCount === 0) break
      await pause(10)
    }
    for (const hand of this.#hands) await hand.on.close()
  }

  /**
   * n.b. What comes back to a queue is delivered first, and stands behind what came back before: a part of those alone would change places
   * with the rest. So all of them are taken to hand, unlooked at, up to the first one that nobody ever had.
   */
  async #gather(): Promise<void> {
    const { on } = this.#hand
    const deadline = performance.now() + gatheringMs
    for (let most = firstGathered; this.#isAmongReturned && performance.now() < deadline; most *= 4) {
      const { messageCount } = await on.guard(on.channel.checkQueue(this.#queue))
      if (messageCount === 0) return
      this.#isGathering = true
      this.#prefetch = () => Math.min(most, messageCount)
      await this.#readRound(this.#hand, () => {})
    }
  }

  async #readRound(hand: Hand, see: Reading['see']): Promise<void> {
    const { on } = hand
    const round = ++this.#round
    this.#credit = this.#wanted()
    this.#keptInRound = 0
    const { promise: ended, resolve } = Promise.withResolvers<void>()
    this.#endRound = resolve
    // n.b. The broker sorts by it what the consumers of a dead channel held.
    const consumerTag = `kedafn-${String(round).padStart(8, '0')}`
    const looking = setInterval(() => void this.#lookIfIdle(on).catch((error) => on.fail(error)), idleMs)
    try {
      await on.guard(on.channel.prefetch(this.#credit, false))
      const deliver = (message: ConsumeMessage | null) => {
        if (message) this.#deliver(message, hand, round, see)
        else on.fail(new Error('the broker cancelled the consumer'))
      }
      await on.guard(on.channel.consume(this.#queue, deliver, { consumerTag }))
      this.#check()
      await on.guard(ended)
      if (this.#isThrough()) await this.#nothingOnItsWay(hand)
      await on.guard(on.channel.cancel(consumerTag))
    } finally {
      clearInterval(looking)
    }
  }

  /**
   * Waits until all has come that the consumer may have, or is to have.
   * n.b. What is on its way when a consumer is cancelled goes back by itself, some time later: behind what stood behind it.
   */
  async #nothingOnItsWay(hand: Hand): Promise<void> {
    const { on } = hand
    const deadline = performance.now() + onItsWayMs
    let quiet = 0
    while (quiet < 3 && hand.openOf(this.#round) < this.#credit && performance.now() < deadline) {
      const begun = hand.begun
      const { messageCount } = await on.guard(on.channel.checkQueue(this.#queue))
      await pause(10)
      quiet = messageCount === 0 && hand.begun === begun ? quiet + 1 : 0
    }
  }

  #deliver({ fields, properties, content }: ConsumeMessage, hand: Hand, round: number, see: Reading['see']): void {
    const tag = fields.deliveryTag
    this.#isAmongReturned = fields.redelivered || 'x-acquired-count' in (properties.headers ?? {})
    hand.begin(tag, round)
    this.#isIdle = false
    this.#looksAtNothing = 0
    if (this.#isOver()) this.#keep(hand, tag)
    else {
      this.#seen++
      const { headers = {}, ...others } = properties
      see({
        body: content,
        redelivered: fields.redelivered,
        properties: others,
        headers,
        keep: () => this.#keep(hand, tag),
        take: () => {
          this.#hasTaken = true
          hand.take(tag)
        },
      })
    }
    this.#check()
  }

  #keep(hand: Hand, tag: number): void {
    if (hand.keep(tag) === this.#round) this.#keptInRound++
    this.#check()
  }

  #isOver(): boolean {
    return this.#isStopped || this.#seen >= this.#bound
  }

  #isThrough(): boolean {
    return this.#isGathering ? !this.#isAmongReturned : this.#isOver()
  }

  #wanted(): number {
    return Math.max(1, Math.min(maxPrefetch, this.#prefetch()))
  }

  /** Ends the round if it can bring nothing more, or should be much larger or smaller. */
  #check(): void {
    const wanted = this.#wanted()
    const resize = wanted >= 2 * this.#credit || wanted * 2 <= this.#credit
    if (this.#isThrough() || this.#keptInRound >= this.#credit || resize) this.#endRound()
  }

  /** Somebody else may have taken what was there at the beginning. */
  async #lookIfIdle(on: GuardedChannel): Promise<void> {
    if (!this.#isIdle) {
      this.#isIdle = true
      return
    }
    const { messageCount } = await on.guard(on.channel.checkQueue(this.#queue))
    if (messageCount > 0) return
    if (++this.#looksAtNothing >= believed) this.stop()
  }
}
