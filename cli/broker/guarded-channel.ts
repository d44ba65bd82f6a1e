import type { ConfirmChannel } from 'amqplib'
import type { OpenBroker } from './connection.ts'

/** A channel with confirms, and what ends it: every wait for the broker has to end with it. */
export class GuardedChannel {
  readonly channel: ConfirmChannel
  #fail: (cause: unknown) => void = () => {}
  #isOver = false
  readonly #failed: Promise<never>

  constructor(channel: ConfirmChannel, connection: OpenBroker['connection']) {
    this.channel = channel
    this.#failed = new Promise((_resolve, reject) => {
      this.#fail = (cause) => {
        this.#isOver = true
        reject(cause)
      }
    })
    this.#failed.catch(() => {})
    channel.on('error', (error) => this.fail(error))
    connection.on('error', (error: unknown) => this.fail(error))
    connection.on('close', (error?: unknown) => this.fail(error ?? new Error('the connection was closed')))
    // n.b. Of a connection that is lost its channels are told first, without the cause.
    channel.on('close', () => setImmediate(() => this.fail(new Error('the channel was closed'))))
  }

  static async open({ connection }: OpenBroker): Promise<GuardedChannel> {
    return new GuardedChannel(await connection.createConfirmChannel(), connection)
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Ends every wait with this cause; the first one counts. */
  fail(cause: unknown): void {
    if (!this.#isOver) this.#fail(cause)
  }

  /** The value of `work`, or a rejection as soon as the channel is gone. */
  readonly guard = <T>(work: Promise<T>): Promise<T> => Promise.race([work, this.#failed])

  async close(): Promise<void> {
    this.#isOver = true
    await this.channel.close()
  }
}
