import type { Channel, ChannelModel, ConsumeMessage, GetMessage } from 'amqplib'
import type { Consumer, ConsumerListener, ConsumerOptions, DeliverySource, RawDelivery } from '../ports.ts'
import { type Connecting, type Life, Session } from './connection.ts'
import { declareTopology, verifyTopology } from './topology.ts'

/** The channel of one life: a tag means nothing on any other, and acking it there would close that channel. */
class ChannelSource implements DeliverySource {
  readonly #channel: Channel
  readonly #life: Life
  #settled: (tag: number) => void = () => {}
  /** A `multiple` ack that has not left yet. */
  #ackDue: number | null = null

  constructor(channel: Channel, life: Life) {
    this.#channel = channel
    this.#life = life
  }

  get alive(): boolean {
    return !this.#life.over
  }

  /**
   * Waits for more of its kind, one turn of the event loop. n.b. Of 500 acks that were sent one by one right before their
   * channel was closed, 3.10.8 forgot 11, although it answered the close: handlers that end together must not send an ack each.
   */
  ack(tag: number, multiple: boolean): void {
    if (multiple) {
      if (this.#ackDue === null) setImmediate(() => this.flush())
      this.#ackDue = tag
    } else {
      this.flush()
      this.#settle(() => this.#channel.ack(byTag(tag), false))
    }
    this.#settled(tag)
  }

  /** Sends the ack that waits for more of its kind. */
  flush(): void {
    const tag = this.#ackDue
    if (tag === null) return
    this.#ackDue = null
    this.#settle(() => this.#channel.ack(byTag(tag), true))
  }

  handBack(tag: number, multiple: boolean): void {
    this.flush()
    this.#settle(() => this.#channel.nack(byTag(tag), multiple, true))
    this.#settled(tag)
  }

  /** Resolves when this delivery, or one behind it, is settled. */
  settled(tag: number): Promise<void> {
    return new Promise((resolve) => {
      this.#settled = (last) => {
        if (last >= tag) resolve()
      }
    })
  }

  #settle(send: () => void): void {
    if (this.#life.over) return
    try {
      send()
    } catch (error) {
      this.#life.end(error)
    }
  }
}

/** All that amqplib reads of a message it settles. */
const byTag = (tag: number): ConsumeMessage => ({ fields: { deliveryTag: tag } }) as ConsumeMessage

/** A broker that does not answer a cancel for this long is taken for dead: a drain must not wait for its heartbeats. */
const cancelTimeoutMs = 5000

/** Chosen by us, so that a cancel can follow a consume at once. It names a consumer on its channel only. */
const consumerTag = 'kedafn'

interface Live {
  readonly channel: Channel
  readonly life: Life
  readonly source: ChannelSource
  readonly unwatch: () => void
}

export class AmqpConsumer implements Consumer {
  readonly #options: ConsumerOptions
  readonly #with: Connecting
  readonly #session: Session
  readonly failed: Promise<never>
  #listener: ConsumerListener | null = null
  #cancelled = false
  #live: Live | null = null

  constructor(options: ConsumerOptions, mode: 'declare' | 'verify', connecting: Connecting) {
    this.#options = options
    this.#with = connecting
    this.#session = new Session(connecting, 'consumer', (connection, life) => this.#open(connection, life, mode))
    this.failed = this.#session.failed
  }

  start(listener: ConsumerListener): void {
    this.#listener = listener
    this.#session.start()
  }

  async cancel(): Promise<void> {
    this.#cancelled = true
    this.#session.stopReconnecting()
    if (!this.#live) return
    const { channel, life } = this.#live
    const cancelTimer = this.#with.clock.after(cancelTimeoutMs, () => life.end('the broker does not answer the cancel'))
    await life.guard(channel.cancel(consumerTag)).catch((error) => life.end(error))
    cancelTimer()
  }

  close(): Promise<void> {
    // n.b. amqplib writes a connection's close past what its channels have buffered: the acks would never leave. A channel's
    // close goes behind them, and its answer says that they arrived.
    return this.#session.close(async () => {
      this.#live?.unwatch()
      this.#live?.source.flush()
      await this.#live?.channel.close()
    })
  }

  /** One message at a time, until one comes that needs no such care, or none does. */
  async #probe(channel: Channel, life: Life, source: ChannelSource): Promise<void> {
    const { queue, probe } = this.#options
    while (probe && !this.#cancelled) {
      const message = await life.guard(channel.get(queue, { noAck: false }))
      if (!message) return
      const settled = source.settled(message.fields.deliveryTag)
      const delivery = received(message, source)
      this.#session.health.standing()
      this.#listener?.delivery(delivery)
      if (!probe(delivery.headers)) return
      await life.guard(settled)
    }
  }

  async #open(connection: ChannelModel, life: Life, mode: 'declare' | 'verify'): Promise<void> {
    const { queue, prefetch, topology } = this.#options
    await (mode === 'declare' ? declareTopology : verifyTopology)(connection, life, topology, this.#with.log)
    const channel = await life.guard(connection.createChannel())
    const unwatch = life.watch(channel)
    const source = new ChannelSource(channel, life)
    void life.ended.then(() => {
      this.#live = null
      this.#listener?.lost(source)
    })
    await life.guard(channel.prefetch(prefetch, false))
    // From here on there may be deliveries to settle: what cancels and closes must be there already.
    this.#live = { channel, life, source, unwatch }
    await this.#probe(channel, life, source)
    if (this.#cancelled) return
    const deliver = (message: ConsumeMessage | null) => {
      // What stood behind the end in the same read of the socket: its source is as good as lost.
      if (life.over) return
      if (message) this.#listener?.delivery(received(message, source))
      else life.end('the broker cancelled the consumer')
    }
    await life.guard(channel.consume(queue, deliver, { consumerTag }))
    if (this.#cancelled) return
    this.#session.health.standing()
    this.#with.log.info('consuming', { queue, prefetch })
    this.#listener?.ready()
  }
}

function received(message: GetMessage | ConsumeMessage, source: DeliverySource): RawDelivery {
  const { properties, fields, content } = message
  return {
    source,
    tag: fields.deliveryTag,
    body: content,
    messageId: typeof properties.messageId === 'string' ? properties.messageId : '',
    contentType: properties.contentType,
    timestamp: typeof properties.timestamp === 'number' ? properties.timestamp * 1000 : undefined,
    redelivered: fields.redelivered,
    headers: properties.headers ?? {},
  }
}
