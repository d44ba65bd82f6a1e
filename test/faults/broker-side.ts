import { type ChannelModel, type ConfirmChannel, connect, type GetMessage } from 'amqplib'

export interface Taken {
  readonly id: string
  readonly line: string
  readonly headers: Readonly<Record<string, unknown>>
}

/** What a test does at the broker itself, on one connection. */
export class BrokerSide {
  readonly #connection: ChannelModel
  readonly #channel: ConfirmChannel

  private constructor(connection: ChannelModel, channel: ConfirmChannel) {
    this.#connection = connection
    this.#channel = channel
  }

  static async at(url: string): Promise<BrokerSide> {
    const connection = await connect(url, { noDelay: true })
    return new BrokerSide(connection, await connection.createConfirmChannel())
  }

  /** Publishes lines, each with itself as its id; resolves when they are confirmed. */
  async send(exchange: string, lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      this.#channel.publish(exchange, '', Buffer.from(line), { persistent: true, messageId: line })
    }
    await this.#channel.waitForConfirms()
  }

  /** Takes all that is ready. */
  async takeAll(queue: string): Promise<Taken[]> {
    const taken: Taken[] = []
    for (;;) {
      const message: GetMessage | false = await this.#channel.get(queue, { noAck: true })
      if (!message) return taken
      const { messageId, headers } = message.properties
      taken.push({ id: messageId, line: message.content.toString('latin1'), headers: headers ?? {} })
    }
  }

  /** The first message of a queue, which stays there; null if none is ready, or there is no such queue. */
  async peek(queue: string): Promise<string | null> {
    // n.b. A queue that is missing closes the channel that asks for it.
    const channel = await this.#connection.createChannel()
    channel.on('error', () => {})
    const message = await channel.get(queue, { noAck: false }).catch(() => null)
    await channel.close().catch(() => {})
    return message ? message.content.toString() : null
  }

  async remove(queue: string): Promise<void> {
    await this.#channel.deleteQueue(queue)
  }

  /** The queue and its history. */
  async bind(queue: string): Promise<void> {
    for (const one of [queue, `${queue}.history`]) await this.#channel.bindQueue(one, queue, '')
  }

  /** The history too: what finds its way to that alone is routed, and is not returned. */
  async unbind(queue: string): Promise<void> {
    for (const one of [queue, `${queue}.history`]) await this.#channel.unbindQueue(one, queue, '')
  }

  async ready(queue: string): Promise<number> {
    return (await this.#channel.checkQueue(queue)).messageCount
  }

  close(): Promise<void> {
    return this.#connection.close()
  }
}
