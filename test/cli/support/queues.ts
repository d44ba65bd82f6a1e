import { once } from 'node:events'
import { type ChannelModel, type ConsumeMessage, connect, type Options } from 'amqplib'
import { header } from '../../../runtime/core/headers.ts'
import { pack } from '../../../runtime/core/pack.ts'
import { topologyOf } from '../../../runtime/core/topology.ts'
import { openVhost, type Vhost } from '../../support/broker.ts'

export interface Sent {
  readonly body: string | Uint8Array
  readonly messageId?: string
  /** s since 1970. */
  readonly timestamp?: number
  readonly contentType?: string
  readonly headers?: Readonly<Record<string, unknown>>
}

const endOfQueue = 'kedafn-test-end'

/** A vhost with queues as the runtime makes them, and one connection to fill and empty them. */
export class Queues implements AsyncDisposable {
  readonly vhost: Vhost
  readonly #connection: ChannelModel
  #made = 0

  private constructor(vhost: Vhost, connection: ChannelModel) {
    this.vhost = vhost
    this.#connection = connection
  }

  static async open(name: string): Promise<Queues> {
    const vhost = await openVhost(name)
    return new Queues(vhost, await connect(vhost.url, { noDelay: true }))
  }

  /** What `kedafn` needs to find the broker. */
  get env(): { AMQP_URL: string } {
    return { AMQP_URL: this.vhost.url }
  }

  /** Makes a queue with all that belongs to it. @returns its name, a new one unless it is given */
  async make({ ordered = false, queue = `logs${++this.#made}` } = {}): Promise<string> {
    const channel = await this.#connection.createChannel()
    for (const declaration of topologyOf(queue, queue, [], ordered)) {
      if (declaration.kind === 'exchange') await channel.assertExchange(declaration.name, declaration.type)
      else if (declaration.kind === 'binding') await channel.bindQueue(declaration.queue, declaration.exchange, '')
      else await channel.assertQueue(declaration.name, { arguments: { ...declaration.arguments } })
    }
    await channel.close()
    return queue
  }

  /** Publishes to the exchange of that name, confirmed, in order. */
  send(exchange: string, messages: Iterable<Sent>): Promise<void> {
    return this.#publish(exchange, '', messages)
  }

  /** Publishes straight to a queue: nothing of it is in a history. */
  put(queue: string, messages: Iterable<Sent>): Promise<void> {
    return this.#publish('', queue, messages)
  }

  async #publish(exchange: string, routingKey: string, messages: Iterable<Sent>): Promise<void> {
    const channel = await this.#connection.createConfirmChannel()
    for (const { body, headers, ...properties } of messages) {
      const options: Options.Publish = { persistent: true, ...properties, ...(headers && { headers: { ...headers } }) }
      if (!channel.publish(exchange, routingKey, Buffer.from(body), options)) await once(channel, 'drain')
    }
    await channel.waitForConfirms()
    await channel.close()
  }

  /** Takes out all that stands in a queue, in order. */
  async empty(queue: string): Promise<readonly ConsumeMessage[]> {
    await this.put(queue, [{ body: '', messageId: endOfQueue }])
    const channel = await this.#connection.createChannel()
    const taken: ConsumeMessage[] = []
    await new Promise<void>((resolve, reject) => {
      channel.once('error', reject)
      const take = (message: ConsumeMessage | null) => {
        if (!message || message.properties.messageId === endOfQueue) resolve()
        else taken.push(message)
      }
      channel.consume(queue, take, { noAck: true }).catch(reject)
    })
    await channel.close()
    return taken
  }

  /** How many wait. */
  async ready(queue: string): Promise<number> {
    const channel = await this.#connection.createChannel()
    const { messageCount } = await channel.checkQueue(queue)
    await channel.close()
    return messageCount
  }

  async delete(queue: string): Promise<void> {
    const channel = await this.#connection.createChannel()
    await channel.deleteQueue(queue)
    await channel.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#connection.close()
    await this.vhost.dispose()
  }
}

/** `count` lines, each a message of its own, as a producer sends them. */
export const numbered = (count: number, from = 0): Sent[] =>
  Array.from({ length: count }, (_, index) => ({ body: `line ${from + index}`, messageId: `f:${from + index}` }))

/** Lines in one message. */
export function packOf(offset: number, lines: readonly string[]): Sent {
  return {
    body: pack(lines.map((line, index) => ({ body: Buffer.from(line), offset: offset + index }))),
    messageId: `f:${offset}`,
    headers: { [header.lines]: lines.length },
  }
}

export const idsOf = (messages: readonly ConsumeMessage[]): string[] =>
  messages.map(({ properties }) => String(properties.messageId))
