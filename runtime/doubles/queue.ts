import type { ConsumerListener, DeliverySource, OutgoingMessage } from '../ports.ts'

export interface Stored {
  readonly message: OutgoingMessage
  /** Its place in the queue, kept when it is given back. */
  readonly position: number
  redelivered: boolean
}

/** A queue of the broker in memory. */
export class MemoryQueue {
  readonly arguments: Readonly<Record<string, string | number | boolean>>
  readonly channels = new Set<MemoryChannel>()
  ready: Stored[] = []
  #count = 0
  #due = false

  constructor(args: Readonly<Record<string, string | number | boolean>>) {
    this.arguments = args
  }

  put(message: OutgoingMessage): Stored {
    const stored = { message, position: this.#count++, redelivered: false }
    this.ready.push(stored)
    this.deliverSoon()
    return stored
  }

  putBack(returned: readonly Stored[]): void {
    for (const stored of returned) stored.redelivered = true
    this.ready = [...this.ready, ...returned].sort((a, b) => a.position - b.position)
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
        const channel = [...this.channels].find((candidate) => candidate.hasRoom)
        const stored = channel && this.ready.shift()
        if (!stored) return
        // To the end: consumers take turns.
        this.channels.delete(channel)
        this.channels.add(channel)
        channel.deliver(stored)
      }
    })
  }
}

/** What a session consumes through; acks belong to it. */
export class MemoryChannel implements DeliverySource {
  alive = true
  readonly unacked = new Map<number, Stored>()
  readonly #queue: MemoryQueue
  readonly #prefetch: number
  readonly #listener: ConsumerListener
  readonly #misused: () => void
  #tag = 0
  #cancelled = false

  constructor(queue: MemoryQueue, prefetch: number, listener: ConsumerListener, misused: () => void) {
    this.#queue = queue
    this.#prefetch = prefetch
    this.#listener = listener
    this.#misused = misused
    queue.channels.add(this)
    queue.deliverSoon()
  }

  get hasRoom(): boolean {
    return !this.#cancelled && this.unacked.size < this.#prefetch
  }

  deliver(stored: Stored): void {
    const { body, messageId, contentType, timestamp, headers = {} } = stored.message
    // The protocol carries whole seconds.
    const seconds = timestamp === undefined ? undefined : Math.floor(timestamp / 1000) * 1000
    this.unacked.set(++this.#tag, stored)
    const properties = { messageId, contentType, timestamp: seconds, headers, redelivered: stored.redelivered }
    this.#listener.delivery({ source: this, tag: this.#tag, body, ...properties })
  }

  ack(tag: number, multiple: boolean): void {
    if (!this.#owes(tag)) return
    for (const other of this.unacked.keys()) if (other === tag || (multiple && other < tag)) this.unacked.delete(other)
    this.#queue.deliverSoon()
  }

  handBack(tag: number): void {
    if (!this.#owes(tag)) return
    const stored = this.unacked.get(tag) as Stored
    this.unacked.delete(tag)
    this.#queue.putBack([stored])
  }

  /** Takes no more. */
  cancel(): void {
    this.#cancelled = true
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
