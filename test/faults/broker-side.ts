import { type ChannelModel, type ConfirmChannel, connect, type GetMessage } from 'amqplib'
import { header } from '../../runtime/core/headers.ts'
import { linesOf, pack, unpack } from '../../runtime/core/pack.ts'

export interface Taken {
  readonly id: string
  readonly line: string
  readonly headers: Readonly<Record<string, unknown>>
}

const filler = 'filler'

/** What a test does at the broker itself, on one connection. */
export class BrokerSide {
  readonly #url: string
  readonly #connection: ChannelModel
  readonly #channel: ConfirmChannel

  private constructor(url: string, connection: ChannelModel, channel: ConfirmChannel) {
    this.#url = url
    this.#connection = connection
    this.#channel = channel
  }

  static async at(url: string): Promise<BrokerSide> {
    const connection = await connect(url, { noDelay: true })
    return new BrokerSide(url, connection, await connection.createConfirmChannel())
  }

  /** Publishes lines, each with itself as its id; resolves when they are confirmed. */
  async send(exchange: string, lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      this.#channel.publish(exchange, '', Buffer.from(line), { persistent: true, messageId: line })
    }
    await this.#channel.waitForConfirms()
  }

  /** The same with so many lines in each message, and with ids of a file that no other call has. */
  async sendPacked(exchange: string, lines: readonly string[], linesPerMessage: number): Promise<void> {
    for (let first = 0; first < lines.length; first += linesPerMessage) {
      const packed = lines.slice(first, first + linesPerMessage)
      const bodies = packed.map((line, index) => ({ body: Buffer.from(line), offset: first + index }))
      const headers = { [header.lines]: packed.length }
      const messageId = `${lines[0]}:${first}`
      this.#channel.publish(exchange, '', Buffer.from(pack(bodies)), { persistent: true, messageId, headers })
    }
    await this.#channel.waitForConfirms()
  }

  /** Takes all that is ready, line by line, and throws away what filled the queue up. */
  async takeAll(queue: string): Promise<Taken[]> {
    const taken: Taken[] = []
    for (;;) {
      const message: GetMessage | false = await this.#channel.get(queue, { noAck: true })
      if (!message) return taken
      const { messageId, headers } = message.properties
      if (messageId === filler) continue
      const count = linesOf(headers ?? {})
      const one = (id: string, body: Uint8Array): Taken => {
        return { id, line: Buffer.from(body).toString('latin1'), headers: headers ?? {} }
      }
      const lines = count === null ? [one(messageId, message.content)] : unpack(messageId, message.content, count, one)
      if (typeof lines === 'string') throw new Error(lines)
      taken.push(...lines)
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

  /** Publishes to a queue until it refuses. */
  async fillUp(queue: string): Promise<void> {
    const deadline = Date.now() + 10_000
    const isTaken = (): Promise<boolean> =>
      new Promise((resolve) =>
        this.#channel.sendToQueue(queue, Buffer.alloc(0), { messageId: filler }, (error) => resolve(!error)),
      )
    while (await isTaken()) if (Date.now() > deadline) throw new Error(`queue '${queue}' takes everything`)
  }

  async declare(args: Readonly<Record<string, unknown>>, queue: string): Promise<void> {
    await this.#channel.assertQueue(queue, { durable: true, arguments: { ...args } })
  }

  /** Has an exclusive queue on a connection of its own, as soon as its holder is gone. Close it to let it go. */
  async hold(queue: string): Promise<ChannelModel> {
    const connection = await connect(this.#url, { noDelay: true })
    const deadline = Date.now() + 10_000
    for (;;) {
      const channel = await connection.createChannel()
      channel.on('error', () => {})
      try {
        await channel.assertQueue(queue, { exclusive: true, durable: false })
        return connection
      } catch (error) {
        if (Date.now() < deadline) continue
        await connection.close()
        throw error
      }
    }
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
