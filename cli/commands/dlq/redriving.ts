import { redrivenHeaders } from '../../../runtime/core/redrive.ts'
import { type Delivered, keptOnOneChannel } from '../../broker/queue-reader.ts'
import { type Outcome, Republisher } from '../../broker/republisher.ts'
import type { Io } from '../../command.ts'
import { type Letter, letterOf } from './letter.ts'
import type { Pace } from './pace.ts'
import type { DeadLetters } from './reading.ts'

export interface RedriveWishes {
  /** True for a letter that is to be moved. */
  readonly wants: (letter: Letter) => boolean
  /** Some may be left where they are: more have to be delivered at once than are on their way. */
  readonly isChoosy: boolean
  /** null: to the queue that it came from. */
  readonly to: string | null
  readonly limit: number
  readonly pace: Pace
}

/** What became of the dead letters so far. */
export interface Tally {
  /** Of all lives of a run. */
  moved: number
  readonly movedTo: Map<string, number>
  /** Of the present life. */
  unfit: number
  readonly noQueue: Map<string, number>
  readonly refusedBy: Map<string, number>
  /** The ids of some that cannot be written again as they were read. */
  readonly unsendable: string[]
  /** Of those that were there at the beginning: somebody else has them, or took them. */
  unseen: number
}

export const newTally = (): Tally => ({
  moved: 0,
  movedTo: new Map(),
  unfit: 0,
  noQueue: new Map(),
  refusedBy: new Map(),
  unsendable: [],
  unseen: 0,
})

interface Wanted {
  readonly delivered: Delivered
  readonly letter: Letter
}

/**
 * Delivered at once, and published without their confirm. n.b. Always as many: what a killed run held comes back in front of the queue, and
 * the next one has to have all of it in hand before it can be killed as well, or the order would change.
 */
const onTheirWay = 64
/** Where some are kept, at most so much is in memory, as far as the largest message so far tells. */
const memoryBytes = 64 * 1024 * 1024
/** How long the broker has for what is on its way when it was told to stop. */
const farewellMs = 10_000

const count = (counts: Map<string, number>, key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1)

/**
 * Moves dead letters in their order: publish, be confirmed, then ack. Dying between the two leaves two copies, never none; the second
 * one says that it may be a repeat. One life, from a fresh connection to its end.
 */
export class Redriving {
  readonly #letters: DeadLetters
  readonly #wishes: RedriveWishes
  readonly #tally: Tally
  readonly #io: Io
  readonly #moved: () => void
  readonly #republisher: Republisher
  /** To be published, in their order. */
  readonly #pending = new Set<Wanted>()
  #onTheirWay = 0
  #largest = 1
  #isStopped = false
  #timer: NodeJS.Timeout | null = null
  readonly #quiet = Promise.withResolvers<void>()
  #isRead = false

  constructor(letters: DeadLetters, wishes: RedriveWishes, tally: Tally, io: Io, moved: () => void) {
    this.#letters = letters
    this.#wishes = wishes
    this.#tally = tally
    this.#io = io
    this.#moved = moved
    this.#republisher = new Republisher(letters.on)
  }

  async run(): Promise<void> {
    const { reader, on, place } = this.#letters
    const stop = () => this.#stop()
    this.#io.signal.addEventListener('abort', stop)
    if (this.#io.signal.aborted) stop()
    try {
      await reader.read({
        bound: place.length,
        prefetch: () => this.#prefetch(),
        see: (delivered) => this.#see(delivered),
      })
      this.#isRead = true
      if (!this.#isStopped) this.#tally.unseen = place.length - reader.seen
      this.#lookIfQuiet()
      await on.guard(this.#quiet.promise)
      await reader.finish()
    } finally {
      this.#io.signal.removeEventListener('abort', stop)
      if (this.#timer) clearTimeout(this.#timer)
    }
  }

  #prefetch(): number {
    if (!this.#wishes.isChoosy || this.#letters.reader.seen < onTheirWay) return onTheirWay
    return Math.max(4, Math.min(keptOnOneChannel, Math.floor(memoryBytes / this.#largest)))
  }

  #see(delivered: Delivered): void {
    const { queue } = this.#letters
    this.#largest = Math.max(this.#largest, delivered.body.length)
    const letter = letterOf(delivered, queue)
    if (this.#wishes.wants(letter)) {
      this.#pending.add({ delivered, letter })
      this.#pump()
    } else {
      this.#tally.unfit++
      delivered.keep()
    }
  }

  /** Publishes what may go now. */
  #pump(): void {
    const { limit, pace } = this.#wishes
    while (!this.#isStopped && this.#onTheirWay < onTheirWay && this.#tally.moved + this.#onTheirWay < limit) {
      const { value: next } = this.#pending.values().next()
      if (!next) return
      const waitMs = pace.next(performance.now())
      if (waitMs > 0) {
        this.#timer ??= setTimeout(() => {
          this.#timer = null
          this.#pump()
        }, waitMs)
        return
      }
      this.#pending.delete(next)
      this.#publish(next)
    }
  }

  #publish({ delivered, letter }: Wanted): void {
    const destination = this.#wishes.to ?? letter.origin
    const headers = redrivenHeaders(delivered.headers, letter, this.#io.now(), delivered.redelivered)
    this.#onTheirWay++
    if (this.#tally.noQueue.has(destination)) this.#ended(delivered, destination, 'unroutable')
    else {
      this.#republisher.publish(delivered, destination, headers, (outcome) =>
        this.#ended(delivered, destination, outcome),
      )
    }
  }

  #ended(delivered: Delivered, destination: string, outcome: Outcome): void {
    this.#onTheirWay--
    if (outcome === 'confirmed') {
      this.#tally.moved++
      count(this.#tally.movedTo, destination)
      delivered.take()
      this.#moved()
    } else {
      delivered.keep()
      if (outcome === 'unroutable') count(this.#tally.noQueue, destination)
      else if (outcome === 'refused') count(this.#tally.refusedBy, destination)
      else this.#tally.unsendable.push(String(delivered.properties.messageId ?? ''))
    }
    // What a queue refuses now it would take later, behind what came after it: the order is kept by waiting for another run.
    if (outcome === 'refused' || this.#tally.moved >= this.#wishes.limit) this.#stop()
    else this.#pump()
    this.#lookIfQuiet()
  }

  /** Begins nothing new; what is on its way is waited for. */
  #stop(): void {
    if (this.#isStopped) return
    this.#isStopped = true
    const { reader, on } = this.#letters
    for (const { delivered } of this.#pending) delivered.keep()
    this.#pending.clear()
    reader.stop()
    this.#lookIfQuiet()
    const late = setTimeout(() => on.fail(new Error('the broker does not answer')), farewellMs)
    late.unref()
  }

  #lookIfQuiet(): void {
    if (this.#isRead && this.#onTheirWay === 0 && this.#pending.size === 0) this.#quiet.resolve()
  }
}
