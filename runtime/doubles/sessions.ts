import { FnError } from '../core/errors.ts'
import { Prefix } from '../core/inflight.ts'
import { boundQueuesOf, type Declaration } from '../core/topology.ts'
import type {
  Consumer,
  ConsumerListener,
  ConsumerOptions,
  OutgoingMessage,
  Publisher,
  PublisherOptions,
} from '../ports.ts'
import type { MemoryBroker } from './broker.ts'
import { MemoryChannel, type MemoryQueue } from './queue.ts'

/** A session that was lost tries to stand again each time so many ms of the clock have passed. */
const awayMs = 100

export abstract class MemorySession {
  protected readonly broker: MemoryBroker
  readonly #topology: readonly Declaration[]
  protected live = false
  protected over = false
  protected fatal: FnError | null = null
  #fail: (error: FnError) => void = () => {}
  readonly failed: Promise<never> = new Promise((_resolve, reject) => {
    this.#fail = reject
  })

  constructor(broker: MemoryBroker, topology: readonly Declaration[]) {
    this.broker = broker
    this.#topology = topology
    this.failed.catch(() => {})
    broker.sessions.add(this)
  }

  protected abstract opened(): void
  protected abstract lost(): void

  protected connect(): void {
    queueMicrotask(() => {
      if (this.over || this.live) return
      if (!this.broker.up) return this.#comeBack()
      try {
        this.broker.declare(this.#topology)
        this.live = true
        this.opened()
      } catch (error) {
        this.fail(error as FnError)
      }
    })
  }

  /** The connection is gone; the session comes again unless it is over. */
  drop(): void {
    if (!this.live) return
    this.live = false
    this.lost()
    this.#comeBack()
  }

  fail(error: FnError): void {
    this.over = true
    this.fatal ??= error
    this.#fail(error)
    this.drop()
  }

  async close(): Promise<void> {
    this.over = true
    this.drop()
    this.broker.sessions.delete(this)
  }

  #comeBack(): void {
    if (!this.over) this.broker.clock.after(awayMs, () => this.connect())
  }
}

interface Entry {
  readonly message: OutgoingMessage
  readonly confirmed: () => void
}

export class MemoryPublisher extends MemorySession implements Publisher {
  readonly #options: PublisherOptions
  readonly #entries = new Prefix<Entry>()
  #bytes = 0
  /** Sessions so far: the confirms of an earlier one say nothing. */
  #sessions = 0
  #unanswered = 0
  /** A publish was refused: nothing more is sent, and the session ends once all of it is answered. */
  #refused = false
  #waiting: (() => void)[] = []
  /** The queues as they stood when the first session did. */
  readonly #stood = new Map<string, MemoryQueue | undefined>()
  #ready: () => void = () => {}
  readonly ready: Promise<void> = new Promise((resolve) => {
    this.#ready = resolve
  })

  constructor(broker: MemoryBroker, options: PublisherOptions) {
    super(broker, options.topology)
    this.#options = options
    this.connect()
  }

  hasRoom(): boolean {
    const { held } = this.#entries
    return held === 0 || (held < this.#options.window && this.#bytes < this.#options.windowBytes)
  }

  room(): Promise<void> {
    return this.#until(() => this.hasRoom())
  }

  idle(): Promise<void> {
    return this.#until(() => this.#entries.held === 0)
  }

  async standing(): Promise<void> {
    await this.#until(() => this.live)
    for (const [queue, stood] of this.#stood) {
      if (this.broker.queues.get(queue) !== stood) throw new FnError('FN_QUEUE_GONE', `queue '${queue}'`)
    }
    this.broker.declare(this.#options.topology.filter(({ kind }) => kind === 'binding'))
  }

  unconfirmed(): number {
    return this.#entries.held
  }

  publish(message: OutgoingMessage, confirmed: () => void): void {
    const entry = { message, confirmed }
    const sequence = this.#entries.begin(entry)
    this.#bytes += message.body.length
    if (this.live) this.#send(sequence, entry)
  }

  protected opened(): void {
    this.#sessions++
    this.#unanswered = 0
    this.#refused = false
    for (const { queue } of boundQueuesOf(this.#options.topology)) {
      if (!this.#stood.has(queue)) this.#stood.set(queue, this.broker.queues.get(queue))
    }
    for (const { sequence, entry } of this.#entries.pending()) this.#send(sequence, entry)
    this.#ready()
    this.#look()
  }

  protected lost(): void {}

  #send(sequence: number, { message }: Entry): void {
    if (this.#refused) return
    const session = this.#sessions
    const taken = !this.broker.refusing && this.broker.publish(message)
    this.#unanswered++
    this.broker.answer(() => {
      if (!this.live || session !== this.#sessions) return
      this.#unanswered--
      if (!taken) this.#refused = true
      else if (this.#entries.finish(sequence)) this.#advance()
      if (this.#refused && this.#unanswered === 0) this.drop()
    })
  }

  #advance(): void {
    this.#entries.advance((entry) => {
      this.#bytes -= entry.message.body.length
      entry.confirmed()
    })
    this.#look()
  }

  #look(): void {
    for (const look of this.#waiting.splice(0)) look()
  }

  async #until(condition: () => boolean): Promise<void> {
    for (;;) {
      if (this.fatal) throw this.fatal
      if (condition()) return
      const changed = new Promise<void>((resolve) => this.#waiting.push(resolve))
      await Promise.race([this.failed, changed])
    }
  }
}

export class MemoryConsumer extends MemorySession implements Consumer {
  readonly #options: ConsumerOptions
  #listener: ConsumerListener | null = null
  #channel: MemoryChannel | null = null

  constructor(broker: MemoryBroker, options: ConsumerOptions) {
    super(broker, options.topology)
    this.#options = options
  }

  start(listener: ConsumerListener): void {
    this.#listener = listener
    this.connect()
  }

  async cancel(): Promise<void> {
    this.over = true
    // What is under way still comes.
    await null
    this.#channel?.cancel()
  }

  protected opened(): void {
    const queue = this.broker.queues.get(this.#options.queue)
    if (!queue) throw new FnError('FN_TOPOLOGY_MISSING', `queue '${this.#options.queue}'`)
    if (!this.#listener) return
    this.#channel = new MemoryChannel(queue, this.#options, this.#listener, () => this.drop())
    this.#listener.ready()
  }

  protected lost(): void {
    this.#channel?.end()
    this.#channel = null
  }
}
