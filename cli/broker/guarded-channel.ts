import type { ConfirmChannel } from 'amqplib'
import type { OpenBroker } from './connection.ts'

/** What ends a connection and all that waits on it. */
class Fate {
  #reject: (cause: unknown) => void = () => {}
  isOver = false
  readonly failed: Promise<never> = new Promise((_resolve, reject) => {
    this.#reject = reject
  })

  constructor(connection: OpenBroker['connection']) {
    this.failed.catch(() => {})
    connection.on('error', (error: unknown) => this.fail(error))
    connection.on('close', (error?: unknown) => this.fail(error ?? new Error('the connection was closed')))
  }

  fail(cause: unknown): void {
    if (this.isOver) return
    this.isOver = true
    this.#reject(cause)
  }
}

/** A channel with confirms, and what ends it: every wait for the broker has to end with it, and with the others of its connection. */
export class GuardedChannel {
  readonly channel: ConfirmChannel
  readonly #connection: OpenBroker['connection']
  readonly #fate: Fate
  #isClosed = false

  private constructor(channel: ConfirmChannel, connection: OpenBroker['connection'], fate: Fate) {
    this.channel = channel
    this.#connection = connection
    this.#fate = fate
    channel.on('error', (error) => this.fail(error))
    // n.b. Of a connection that is lost its channels are told first, without the cause.
    channel.on('close', () => setImmediate(() => this.fail(new Error('the channel was closed'))))
  }

  static async open({ connection }: OpenBroker): Promise<GuardedChannel> {
    return new GuardedChannel(await connection.createConfirmChannel(), connection, new Fate(connection))
  }

  /** One more channel of the same fate. */
  async sibling(): Promise<GuardedChannel> {
    const channel = await this.guard(this.#connection.createConfirmChannel())
    return new GuardedChannel(channel, this.#connection, this.#fate)
  }

  get isOver(): boolean {
    return this.#isClosed || this.#fate.isOver
  }

  /** Ends every wait with this cause; the first one counts. */
  fail(cause: unknown): void {
    if (!this.#isClosed) this.#fate.fail(cause)
  }

  /** The value of `work`, or a rejection as soon as the channel is gone. */
  guard<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#fate.failed])
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.guard(this.channel.close())
  }
}
