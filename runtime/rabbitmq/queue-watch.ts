import type { Channel, ChannelModel } from 'amqplib'
import { describe, FnError } from '../core/errors.ts'
import { boundQueuesOf, type Declaration } from '../core/topology.ts'
import type { Clock, Log } from '../ports.ts'
import type { Life } from './connection.ts'
import { codeOf } from './failures.ts'
import { type Standing, StandingPlace } from './standing.ts'

export interface Watching {
  readonly topology: readonly Declaration[]
  readonly mode: 'declare' | 'verify'
  /** A name that nobody else uses while we work, for the mark; null: there is none. */
  readonly markName: string | null
  readonly log: Log
  readonly clock: Clock
}

/** A binding that somebody removed is mended after this long at the latest. n.b. to bind again costs the broker 3 ms. */
const bindEveryMs = 1000

/**
 * Tells whether the queues that an exchange feeds have stood ever since: without its queue a message goes to the history alone,
 * which is enough for a confirm, and no mandatory return tells of it.
 *
 * The mark is an exchange that goes by itself with its last binding, and its only binding is to the queue: so it is gone if
 * the queue was, even if the queue was made anew at once. It is durable, since a broker that restarts keeps the queue, too.
 * Without the mark (in verify mode, or without a lock) a queue that was made anew looks as if it had always stood.
 */
export class QueueWatch {
  readonly #with: Watching
  readonly #queues: readonly { readonly queue: string; readonly exchange: string }[]
  readonly #place = new StandingPlace()
  readonly #channels = new WeakMap<Life, Promise<Channel>>()
  /** When the bindings were last made sure of, ms of the monotonic clock. */
  #boundAtMs = Number.NEGATIVE_INFINITY
  #opened = false
  #gone: FnError | null = null
  #unseen = false
  #looking: Promise<unknown> = Promise.resolve()
  #next: Promise<void> | null = null

  constructor(watching: Watching) {
    this.#with = watching
    this.#queues = boundQueuesOf(watching.topology)
  }

  /** On each session, before the topology is made: what makes a queue that is gone hides that it was. */
  async beforeTopology(standing: Standing): Promise<void> {
    if (this.#opened && this.#with.mode === 'declare') await this.#look(standing)
    this.#channels.delete(standing.life)
  }

  /** On each session, once the topology stands and before anything is published. */
  async afterTopology(standing: Standing): Promise<void> {
    const mark = this.#markOf()
    if (mark !== null && this.#queues.length > 0) {
      const channel = await this.#channelOf(standing)
      await standing.life.guard(channel.assertExchange(mark, 'direct', { durable: true, autoDelete: true }))
      for (const { queue } of this.#queues) await standing.life.guard(channel.bindQueue(queue, mark, ''))
    }
    this.#opened = true
    this.#place.set(standing)
  }

  /** @throws FnError FN_QUEUE_GONE */
  standing(): Promise<void> {
    // One look for all who ask before it begins.
    this.#next ??= this.#looking.then(() => {
      this.#next = null
      const look = this.#lookOnSession()
      this.#looking = look.catch(() => {})
      return look
    })
    return this.#next
  }

  /** There will be no session any more. */
  end(error: unknown): void {
    this.#place.end(error)
  }

  async #lookOnSession(): Promise<void> {
    for (;;) {
      const standing = await this.#place.get()
      if (this.#gone) throw this.#gone
      try {
        await this.#look(standing)
        if (!this.#gone) await this.#bindAgain(standing)
        if (!this.#gone) return
      } catch (error) {
        standing.life.end(error)
        await standing.life.ended
      }
    }
  }

  async #look(standing: Standing): Promise<void> {
    const mark = this.#markOf()
    for (const { queue } of this.#unseen ? [] : this.#queues) {
      try {
        const channel = await this.#channelOf(standing)
        await standing.life.guard(mark === null ? channel.checkQueue(queue) : channel.checkExchange(mark))
      } catch (error) {
        if (standing.life.over) throw error
        if (codeOf(error) === 403 && this.#with.mode === 'verify') this.#hidden(queue)
        else if (/no (queue|exchange) '/.test(describe(error))) this.#gone ??= goneError(queue, error)
        else throw error
        return
      }
    }
  }

  /** Mends a binding that somebody removed: what was confirmed without it is in the history alone, and nothing tells of it. */
  async #bindAgain(standing: Standing): Promise<void> {
    const { mode, clock } = this.#with
    if (mode === 'verify' || clock.monotonic() - this.#boundAtMs < bindEveryMs) return
    const channel = await this.#channelOf(standing)
    this.#boundAtMs = clock.monotonic()
    for (const { queue, exchange } of this.#queues) await standing.life.guard(channel.bindQueue(queue, exchange, ''))
  }

  #hidden(queue: string): void {
    this.#unseen = true
    this.#with.log.info('this user cannot see whether its queue stands', { queue })
  }

  /** A mark for two queues would stand as long as one of them does. */
  #markOf(): string | null {
    return this.#with.mode === 'declare' && this.#queues.length === 1 ? this.#with.markName : null
  }

  /** One for each session: to look does not cost opening a channel each time. */
  #channelOf({ connection, life }: Standing): Promise<Channel> {
    const known = this.#channels.get(life)
    if (known !== undefined) return known
    const opening = openChannel(connection, life)
    this.#channels.set(life, opening)
    return opening
  }
}

async function openChannel(connection: ChannelModel, life: Life): Promise<Channel> {
  const channel = await life.guard(connection.createChannel())
  // A refusal closes this channel: whoever waits for the answer has it.
  channel.on('error', () => {})
  return channel
}

const goneError = (queue: string, cause: unknown): FnError =>
  new FnError(
    'FN_QUEUE_GONE',
    `queue '${queue}'. What was sent since the last checkpoint may be in its history alone, and is sent again`,
    { cause },
  )
