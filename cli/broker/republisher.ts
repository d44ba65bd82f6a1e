import type { Message, Options } from 'amqplib'
import { encodable } from '../../runtime/rabbitmq/publisher.ts'
import type { GuardedChannel } from './guarded-channel.ts'
import type { Delivered } from './queue-reader.ts'

/**
 * What became of a publish: the broker holds the message; no queue of that name takes it; the queue refused it; or it has properties that
 * cannot be written again as they were read.
 */
export type Outcome = 'confirmed' | 'unroutable' | 'refused' | 'unsendable'

interface Sent {
  readonly queue: string
  readonly message: Delivered
  isReturned: boolean
}

/**
 * Publishes messages anew to a queue, persistent, mandatory and confirmed, with the properties that they came with.
 * n.b. Without `userId`, which the broker accepts from that user alone, and without `expiration`: its time is over.
 */
export class Republisher {
  readonly #on: GuardedChannel
  /** In the order of the publishes. */
  readonly #sent = new Set<Sent>()

  constructor(on: GuardedChannel) {
    this.#on = on
    on.channel.on('return', (message: Message) => this.#returned(message))
  }

  /** @param ended called once, unless the channel is lost before */
  publish(
    message: Delivered,
    queue: string,
    headers: Readonly<Record<string, unknown>>,
    ended: (outcome: Outcome) => void,
  ): void {
    const { userId: _user, expiration: _expiration, deliveryMode: _mode, ...properties } = message.properties
    const sent: Sent = { queue, message, isReturned: false }
    const options = { ...properties, headers: encodable(headers), persistent: true, mandatory: true } as Options.Publish
    try {
      this.#on.channel.publish(
        '',
        queue,
        Buffer.from(message.body.buffer, message.body.byteOffset, message.body.byteLength),
        options,
        (error: unknown) => {
          if (!this.#sent.delete(sent) || this.#on.isOver) return
          ended(error ? 'refused' : sent.isReturned ? 'unroutable' : 'confirmed')
        },
      )
      this.#sent.add(sent)
    } catch (error) {
      // n.b. A closed channel throws IllegalOperationError; else nothing was written.
      if (error instanceof Error && error.name === 'IllegalOperationError') this.#on.fail(error)
      else ended('unsendable')
    }
  }

  /** n.b. It comes before the confirm of its message. Copies that are alike in all of this can be taken for each other. */
  #returned({ fields, properties, content }: Message): void {
    for (const sent of this.#sent) {
      const { message, queue, isReturned } = sent
      if (isReturned || queue !== fields.routingKey || message.properties.messageId !== properties.messageId) continue
      if (!content.equals(message.body)) continue
      sent.isReturned = true
      return
    }
  }
}
