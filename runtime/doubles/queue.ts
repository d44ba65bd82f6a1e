import type { ConsumerListener, ConsumerOptions, DeliverySource, OutgoingMessage } from '../ports.ts'

export interface Stored {
  readonly message: OutgoingMessage
  redelivered: boolean
}

/** A queue of the broker in memory. */
export class MemoryQueue {
  readonly arguments: Readonly<Record<string, string | number | boolean>>
  readonly channels = new Set<MemoryChannel>()
  ready: Stored[] = []
  #due = false

  constructor(args: Readonly<Record<string, string | number | boolean>>) {
    this.arguments = args
  }

  put(message: OutgoingMessage): Stored {
    const stored = { message, redelivered: false }
    this.ready.push(stored)
    this.deliverSoon()
    return stored
  }

  /** n.b. what is given back stands in front, but behind what was given back before. */
  putBack(returned: readonly Stored[]): void {
    const fresh = this.ready.findIndex(({ redelivered }) => !redelivered)
    for (const stored of returned) stored.redelivered = true
    this.ready.splice(fresh === -1 ? this.ready.length : fresh, 0, ...returned)
    this.deliverSoon()
  }

  /** All that can be delivered comes in one go, as from one read of a socket. */
  deliverSoon(): void {
    if (this.#due) return
    this.#due = true
    queueMicrotask(() => {
      this.#due = false
      // What is given back at once waits for the next turn.
      for (let { length } = this.ready; length > 0; length--) {
        const channel = this.#next()
        const stored = channel && this.ready.shift()
        if (!stored) return
        channel.deliver(stored)
      }
      for (const channel of this.channels) channel.nothingToProbe()
    })
  }

  /** Who gets the next message: consumers take turns, unless only one may be active. */
  #next(): MemoryChannel | undefined {
    const open = [...this.channels].filter(({ cancelled }) => !cancelled)
    if (this.arguments['x-single-active-consumer']) return open[0]?.hasRoom ? open[0] : undefined
    const channel = open.find(({ hasRoom }) => hasRoom)
    if (channel) {
      this.channels.delete(channel)
      this.channels.add(channel)
    }
    return channel
  }
}

/** What a session consumes through; acks belong to it. */
export class MemoryChannel implements DeliverySource {
  alive = true
  readonly unacked = new Map<number, Stored>()
  readonly #queue: MemoryQueue
  readonly #options: ConsumerOptions
  readonly #listener: ConsumerListener
  readonly #misused: () => void
  cancelled = false
  #tag = 0
  #probing: boolean

  constructor(queue: MemoryQueue, options: ConsumerOptions, listener: ConsumerListener, misused: () => void) {
    this.#queue = queue
    this.#options = options
    this.#probing = options.probe !== undefined
    this.#listener = listener
    this.#misused = misused
    queue.channels.add(this)
    queue.deliverSoon()
  }

  get hasRoom(): boolean {
    return this.unacked.size < (this.#probing ? 1 : this.#options.prefetch)
  }

  deliver(stored: Stored): void {
    const { body, messageId, contentType, timestamp, headers = {} } = stored.message
    // The protocol carries whole seconds.
    const seconds = timestamp === undefined ? undefined : Math.floor(timestamp / 1000) * 1000
    this.#probing &&= this.#options.probe?.(headers) === true
    this.unacked.set(++this.#tag, stored)
    const properties = { messageId, contentType, timestamp: seconds, headers, redelivered: stored.redelivered }
    this.#listener.delivery({ source: this, tag: this.#tag, body, ...properties })
  }

  /** No message is there to be taken alone. */
  nothingToProbe(): void {
    if (!this.cancelled && this.unacked.size === 0) this.#probing = false
  }

  ack(tag: number, multiple: boolean): void {
    if (!this.#owes(tag)) return
    for (const other of this.unacked.keys()) if (other === tag || (multiple && other < tag)) this.unacked.delete(other)
    this.#queue.deliverSoon()
  }

  handBack(tag: number, multiple: boolean): void {
    if (!this.#owes(tag)) return
    const tags = [...this.unacked.keys()].filter((other) => other === tag || (multiple && other < tag))
    const stored = tags.map((other) => this.unacked.get(other) as Stored)
    for (const other of tags) this.unacked.delete(other)
    this.#queue.putBack(stored)
  }

  /** Takes no more. */
  cancel(): void {
    this.cancelled = true
  }

  end(): void {
    this.alive = false
    this.#queue.channels.delete(this)
    this.#queue.putBack([...this.unacked.values()])
    this.unacked.clear()
    queueMicrotask(() => this.#listener.lost(this))
  }

  /** n.b. RabbitMQ closes a channel on which a tag is settled twice, and so does this. */
  #owes(tag: number): boolean {
    if (this.alive && !this.unacked.has(tag)) this.#misused()
    return this.alive
  }
}
