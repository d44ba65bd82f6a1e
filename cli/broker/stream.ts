import type { Channel, ChannelModel, ConsumeMessage, GetMessage } from 'amqplib'
import { type Connecting, type Life, Session } from '../../runtime/rabbitmq/connection.ts'
import { CommandError } from '../command.ts'

/** A message as a command reads it. */
export interface ReadMessage {
  readonly messageId: string
  readonly body: Uint8Array
  /** ms since 1970, in whole seconds; null: its publisher did not say. */
  readonly timestamp: number | null
  readonly contentType: string | null
  readonly headers: Readonly<Record<string, unknown>>
}

/** A message of a stream. Reading takes nothing away. */
export interface StreamMessage extends ReadMessage {
  readonly offset: number
}

/** Where in a stream to begin: at an offset, or at what the broker wrote from a time on, in s since 1970. */
export type StreamPlace = 'first' | 'last' | 'next' | number | { readonly seconds: number }

/**
 * How many messages the broker sends ahead: their bodies are in memory here, 16 MiB each at the most. On one machine 20,000 small
 * messages a second pass so.
 */
const ahead = 64
const offsetHeader = 'x-stream-offset'
/** As many as the protocol can say. */
const wholeChunk = 65_535

const argumentOf = (place: StreamPlace) =>
  typeof place === 'object' ? { '!': 'timestamp', value: Math.max(0, place.seconds) } : place

export function readMessage({ properties, content }: ConsumeMessage | GetMessage): ReadMessage {
  const { messageId, timestamp, contentType, headers } = properties
  return {
    messageId: typeof messageId === 'string' ? messageId : '',
    body: content,
    timestamp: typeof timestamp === 'number' ? timestamp * 1000 : null,
    contentType: typeof contentType === 'string' ? contentType : null,
    headers: headers ?? {},
  }
}

const offsetOf = (message: ConsumeMessage): number | null => {
  const offset = message.properties.headers?.[offsetHeader]
  return typeof offset === 'number' ? offset : null
}

const noStream = (queue: string) =>
  new CommandError(`'${queue}' is no stream, so nothing can be read of it without taking it`, null)

/** A stream in which nothing comes for so long from a place on has nothing there. */
const nothingMs = 5000
/** One that says it has messages, and gives none. */
const silentMs = 30_000
/** All of a chunk comes at once: what is quiet for so long, and over several answers, is at its end. */
const quietMs = 100
const lookEveryMs = 10

/**
 * The offsets that stand at a place at this moment: of 'last' up to the end of the stream, of others the first at least. Null: nothing
 * stands there yet.
 * n.b. 'last' begins at the last chunk, of up to some hundred messages, and nothing says where that ends; the broker's count lags.
 * And a place behind the end cannot be told from one that is slow to come.
 */
export async function offsetsAt(
  connection: ChannelModel,
  stream: string,
  place: StreamPlace,
): Promise<{ readonly first: number; readonly last: number } | null> {
  const channel = await connection.createChannel()
  channel.on('error', () => {})
  await channel.prefetch(place === 'last' ? wholeChunk : 1)
  const found: { first: number; last: number }[] = []
  let isStream = true
  const look = (message: ConsumeMessage | null) => {
    const offset = message && offsetOf(message)
    if (offset === null) isStream = message === null && isStream
    else found[0] = { first: found[0]?.first ?? offset, last: offset }
  }
  const begun = performance.now()
  await channel.consume(stream, look, { arguments: { [offsetHeader]: argumentOf(place) } })
  for (let [seen, since] = [-1, begun]; isStream; ) {
    const { messageCount } = await channel.checkQueue(stream)
    const last = found[0]?.last ?? -1
    const now = performance.now()
    if (last !== seen) [seen, since] = [last, now]
    if (last !== -1 && (place !== 'last' || now - since > quietMs || now - begun > nothingMs)) break
    if (last === -1 && now - begun > (place === 'last' && messageCount > 0 ? silentMs : nothingMs)) break
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
  }
  await channel.close()
  if (!isStream) throw noStream(stream)
  return found[0] ?? null
}

interface Waiter {
  resolve(message: StreamMessage | null): void
  reject(error: unknown): void
}

/** Reads a stream from a place on, for as long as it is asked; after a lost connection it goes on where it was. */
export class StreamReader {
  readonly #stream: string
  readonly #session: Session
  #place: StreamPlace
  #channel: Channel | null = null
  #waiting: { readonly message: StreamMessage; readonly tag: number }[] = []
  #handedOut = 0
  #waiter: Waiter | null = null
  #closed = false
  #failure: { readonly error: unknown } | null = null
  #begun: () => void = () => {}
  /** Resolves when the first session reads. */
  readonly begun: Promise<void> = new Promise((resolve) => {
    this.#begun = resolve
  })

  constructor(connecting: Connecting, stream: string, from: StreamPlace) {
    this.#stream = stream
    this.#place = from
    this.#session = new Session(connecting, 'reader', (connection, life) => this.#open(connection, life))
    this.#session.failed.catch((error) => this.#fail(error))
    this.#session.start()
  }

  /** The next message; waits for it. Null once the reader is closed. Rejects with what a person must mend. One call at a time. */
  next(): Promise<StreamMessage | null> {
    if (this.#failure) return Promise.reject(this.#failure.error)
    if (this.#closed) return Promise.resolve(null)
    const message = this.#take()
    if (message) return Promise.resolve(message)
    return new Promise((resolve, reject) => {
      this.#waiter = { resolve, reject }
    })
  }

  close(): Promise<void> {
    this.#closed = true
    this.#waiter?.resolve(null)
    this.#waiter = null
    return this.#session.close()
  }

  #fail(error: unknown): void {
    this.#failure ??= { error }
    this.#waiter?.reject(error)
    this.#waiter = null
  }

  async #open(connection: ChannelModel, life: Life): Promise<void> {
    const channel = await life.guard(connection.createChannel())
    life.watch(channel)
    await life.guard(channel.prefetch(ahead))
    this.#waiting = []
    this.#handedOut = 0
    this.#channel = channel
    const deliver = (message: ConsumeMessage | null) => {
      if (life.over) return
      if (message) this.#came(message)
      else life.end('the broker cancelled the consumer')
    }
    await life.guard(channel.consume(this.#stream, deliver, { arguments: { [offsetHeader]: argumentOf(this.#place) } }))
    this.#begun()
  }

  #came(message: ConsumeMessage): void {
    const offset = offsetOf(message)
    if (offset === null) {
      this.#fail(noStream(this.#stream))
      return
    }
    // n.b. a chunk may begin before the offset that was asked for.
    const isBefore = typeof this.#place === 'number' && offset < this.#place
    const read = readMessage(message)
    const { [offsetHeader]: _offset, ...headers } = read.headers
    this.#waiting.push({
      message: { ...read, headers, offset: isBefore ? -1 : offset },
      tag: message.fields.deliveryTag,
    })
    if (!this.#waiter) return
    const taken = this.#take()
    if (!taken) return
    this.#waiter.resolve(taken)
    this.#waiter = null
  }

  #take(): StreamMessage | null {
    for (;;) {
      const next = this.#waiting.shift()
      if (!next) return null
      const { message, tag } = next
      if (++this.#handedOut % (ahead / 2) === 0) this.#ack(tag)
      if (message.offset === -1) continue
      this.#place = message.offset + 1
      return message
    }
  }

  /** Tells the broker to send more: it is no settlement, a stream keeps what it has. */
  #ack(tag: number): void {
    try {
      this.#channel?.ack({ fields: { deliveryTag: tag } } as ConsumeMessage, true)
    } catch {
      // The channel is gone, and the session knows.
    }
  }
}
