import type { ChannelModel, ConfirmChannel, Message, Options } from 'amqplib'
import { describe, FnError } from '../core/errors.ts'
import { header } from '../core/headers.ts'
import { Prefix } from '../core/inflight.ts'
import type { LockedOptions, OutgoingMessage, Publisher, PublisherOptions } from '../ports.ts'
import { type Connecting, type Life, Session } from './connection.ts'
import { takeLock } from './lock.ts'
import { QueueWatch } from './queue-watch.ts'
import { StandingPlace } from './standing.ts'
import { declareTopology, verifyTopology } from './topology.ts'

interface Entry {
  message: OutgoingMessage
  readonly confirmed: () => void
  /** It was published at least once. */
  sent: boolean
  /** When it was taken, ms of the monotonic clock. */
  readonly at: number
  /** The broker gave it back as unroutable; its confirm, which still comes, means nothing. */
  returned: boolean
}

/** What one life publishes on. */
interface Live {
  readonly channel: ConfirmChannel
  readonly life: Life
  /** Publishes whose confirm or nack has not come. */
  unanswered: number
  /** Why this life takes no more publishes. It ends once all of it is answered: a confirm that is not waited for is a copy more. */
  refusal: string | null
}

interface Waiter {
  resolve(): void
  reject(error: unknown): void
}

const ownHeaders: ReadonlySet<string> = new Set(Object.values(header))

export class AmqpPublisher implements Publisher {
  readonly #options: PublisherOptions
  /** Null: whoever wants may publish beside this one. */
  readonly #lock: LockedOptions | null
  readonly #with: Connecting
  readonly #session: Session
  /** Sessions that hold the lock, and those of them that may publish. */
  #held = false
  readonly locked = new StandingPlace()
  readonly admitted = new StandingPlace()
  readonly #watch: QueueWatch
  readonly #entries = new Prefix<Entry>()
  #bytes = 0
  #ready: () => void = () => {}
  readonly ready: Promise<void> = new Promise((resolve) => {
    this.#ready = resolve
  })
  readonly failed: Promise<never>
  #endReadings: () => void
  #turnAt: number | null = null
  #live: Live | null = null
  #fatal: unknown = null
  #waitingForRoom: Waiter[] = []
  #waitingForIdle: Waiter[] = []

  constructor(
    options: PublisherOptions,
    mode: 'declare' | 'verify',
    connecting: Connecting,
    lock: LockedOptions | null = null,
  ) {
    this.#options = options
    this.#lock = lock
    this.#with = connecting
    this.#watch = new QueueWatch({ ...connecting, topology: options.topology, mode, markName: lock?.lock ?? null })
    this.#session = new Session(connecting, 'publisher', (connection, life) => this.#open(connection, life, mode))
    this.failed = this.#session.failed
    this.failed.catch((error) => {
      this.#fatal = error
      this.#endPlaces(error)
      for (const waiter of [...this.#waitingForRoom, ...this.#waitingForIdle]) waiter.reject(error)
      this.#waitingForRoom = []
      this.#waitingForIdle = []
    })
    this.#session.start()
    const { instruments } = connecting
    const readings = [
      instruments.observe('kedafn.publisher.unconfirmed', () => this.#entries.held),
      instruments.observe('kedafn.publisher.window', () => options.window),
    ]
    this.#endReadings = () => {
      for (const end of readings) end()
    }
  }

  hasRoom(): boolean {
    const { held } = this.#entries
    return held === 0 || (held < this.#options.window && this.#bytes < this.#options.windowBytes)
  }

  async room(): Promise<void> {
    if (this.#fatal !== null) throw this.#fatal
    while (!this.hasRoom()) await this.#wait(this.#waitingForRoom)
  }

  async idle(): Promise<void> {
    if (this.#fatal !== null) throw this.#fatal
    while (this.#entries.held > 0) await this.#wait(this.#waitingForIdle)
  }

  standing(): Promise<void> {
    return this.#watch.standing()
  }

  unconfirmed(): number {
    return this.#entries.held
  }

  publish(message: OutgoingMessage, confirmed: () => void): void {
    const entry: Entry = { message, confirmed, sent: false, returned: false, at: this.#now() }
    const sequence = this.#entries.begin(entry)
    this.#bytes += message.body.length
    if (this.#live) this.#send(this.#live, sequence, entry)
  }

  close(): Promise<void> {
    this.#endReadings()
    this.#endPlaces(new Error('the publisher is closed'))
    return this.#session.close()
  }

  #endPlaces(error: unknown): void {
    for (const place of [this.locked, this.admitted, this.#watch]) place.end(error)
  }

  async #open(connection: ChannelModel, life: Life, mode: 'declare' | 'verify'): Promise<void> {
    const lock = this.#lock
    const { health } = this.#session
    if (lock) await takeLock(connection, life, { ...this.#with, queue: lock.lock, again: this.#held, health })
    this.#held = true
    await this.#watch.beforeTopology({ connection, life })
    await (mode === 'declare' ? declareTopology : verifyTopology)(
      connection,
      life,
      this.#options.topology,
      this.#with.log,
    )
    await this.#watch.afterTopology({ connection, life })
    if (lock) {
      this.locked.set({ connection, life })
      await life.guard(lock.admit())
      this.admitted.set({ connection, life })
    }
    const channel = await life.guard(connection.createConfirmChannel())
    life.watch(channel)
    channel.on('return', (message: Message) => this.#returned(message))
    const live: Live = { channel, life, unanswered: 0, refusal: null }
    void life.ended.then(() => {
      if (this.#live === live) this.#live = null
    })
    if (life.over) return
    // Everything the broker has not confirmed, in the order it was first published, before anything new.
    for (const { sequence, entry } of this.#entries.pending()) {
      if (entry.sent) entry.message = repeated(entry.message)
      this.#send(live, sequence, entry)
    }
    this.#live = live
    health.standing()
    this.#ready()
    this.#with.log.info('publishing', { unconfirmed: this.#entries.held })
  }

  #send(live: Live, sequence: number, entry: Entry): void {
    if (live.life.over || live.refusal !== null) return
    const { exchange, routingKey, body } = entry.message
    entry.returned = false
    try {
      const content = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
      live.channel.publish(exchange, routingKey, content, propertiesOf(entry.message), (error: unknown) => {
        this.#answered(live, sequence, entry, error)
      })
      live.unanswered++
      entry.sent = true
    } catch (error) {
      // n.b. a closed channel throws IllegalOperationError; whatever else throws would throw again on every session.
      if (error instanceof Error && error.name === 'IllegalOperationError') live.life.end(error)
      else this.#sendBare(live, sequence, entry, error)
    }
  }

  /** Nothing was written when amqplib refused it: without what it cannot encode the body gets through, if anything does. */
  #sendBare(live: Live, sequence: number, entry: Entry, error: unknown): void {
    const headers = entry.message.headers ?? {}
    const own = Object.fromEntries(Object.entries(headers).filter(([name]) => ownHeaders.has(name)))
    if (Object.keys(own).length === Object.keys(headers).length) {
      this.#session.abort(new FnError('FN_MESSAGE_UNSENDABLE', describe(error), { cause: error }))
      return
    }
    const fields = { id: entry.message.messageId, cause: describe(error) }
    this.#with.log.error('headers that cannot be sent are left out', fields)
    entry.message = { ...entry.message, headers: own }
    this.#send(live, sequence, entry)
  }

  #answered(live: Live, sequence: number, entry: Entry, error: unknown): void {
    live.unanswered--
    const { instruments } = this.#with
    instruments.count('messaging.client.sent.messages', 1, error ? 'refused' : entry.returned ? 'unroutable' : '')
    if (error) live.refusal ??= describe(error)
    else if (entry.returned) {
      const { messageId, exchange, routingKey } = entry.message
      live.refusal ??= `no queue takes message '${messageId}' from exchange '${exchange}', routing key '${routingKey}'`
      instruments.add('unroutable')
    } else this.#confirmed(sequence)
    // Later in this turn: when the channel closed under us, what closed it has the better words.
    if (live.refusal !== null && live.unanswered === 0) queueMicrotask(() => live.life.end(live.refusal))
  }

  #confirmed(sequence: number): void {
    if (!this.#entries.finish(sequence)) return
    const { instruments } = this.#with
    const now = this.#now()
    this.#entries.advance((done) => {
      instruments.record('messaging.client.operation.duration', (now - done.at) / 1000)
      this.#bytes -= done.message.body.length
      done.confirmed()
    })
    if (this.#waitingForRoom.length > 0 && this.hasRoom()) this.#release('room')
    if (this.#waitingForIdle.length > 0 && this.#entries.held === 0) this.#release('idle')
  }

  /**
   * A return comes before the confirm of its message, and in the order of the publishes. Only copies that are alike in all of
   * this can be taken for each other, and then it does no harm.
   */
  #returned({ fields, properties, content }: Message): void {
    for (const { entry } of this.#entries.pending()) {
      const { exchange, routingKey, messageId, body } = entry.message
      if (entry.returned || messageId !== properties.messageId) continue
      if (exchange !== fields.exchange || routingKey !== fields.routingKey || !content.equals(body)) continue
      entry.returned = true
      return
    }
  }

  /** One look at the clock serves all that one read of a socket or a file brings: a look a message would be felt. */
  #now(): number {
    if (this.#turnAt === null) {
      this.#turnAt = this.#with.clock.monotonic()
      queueMicrotask(() => {
        this.#turnAt = null
      })
    }
    return this.#turnAt
  }

  #wait(waiters: Waiter[]): Promise<void> {
    return new Promise((resolve, reject) => waiters.push({ resolve, reject }))
  }

  #release(what: 'room' | 'idle'): void {
    const waiters = what === 'room' ? this.#waitingForRoom : this.#waitingForIdle
    for (const waiter of waiters.splice(0)) waiter.resolve()
  }
}

/** Says that the broker may have the message already: whoever is done with it knows it by its id. */
const repeated = (message: OutgoingMessage): OutgoingMessage => {
  return { ...message, headers: { ...message.headers, [header.mayRepeat]: true } }
}

function propertiesOf(message: OutgoingMessage): Options.Publish {
  const properties: Options.Publish = { persistent: true, mandatory: true, messageId: message.messageId }
  if (message.contentType !== undefined) properties.contentType = message.contentType
  if (message.timestamp !== undefined) properties.timestamp = Math.floor(message.timestamp / 1000)
  if (message.expirationMs !== undefined) properties.expiration = String(message.expirationMs)
  if (message.headers !== undefined) properties.headers = encodable(message.headers)
  return properties
}

/**
 * n.b. amqplib takes fractions beyond 2^50 and large negative numbers for 64-bit integers, and then throws: they are named
 * doubles. A double that is not finite makes RabbitMQ close the connection with 541, on every session: it goes as text.
 */
export function encodable(value: unknown): unknown {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) return String(value)
    return Number.isInteger(value) && Math.abs(value) < 2 ** 63 ? value : { '!': 'double', value }
  }
  if (Array.isArray(value)) return value.map(encodable)
  // What carries a type of its own stays, and so do bytes.
  if (typeof value !== 'object' || value === null || '!' in value || value instanceof Uint8Array) return value
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, encodable(inner)]))
}
