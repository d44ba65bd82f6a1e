import type { Channel, ChannelModel, ConsumeMessage, GetMessage } from 'amqplib'
import type { Clock, Consumer, ConsumerListener, ConsumerOptions, DeliverySource, RawDelivery } from '../ports.ts'
import { type Connecting, type Life, Session } from './connection.ts'
import { declareTopology, verifyTopology } from './topology.ts'

/** An ack waits this long for more of its kind, if one has just left and it is not for many messages. */
const ackEveryMs = 5
/** What was acked within this time may not have reached the queue. */
const ackSettlesMs = 1000
const ackPauseMs = 10

/** The channel of one life: a tag means nothing on any other, and acking it there would close that channel. */
class ChannelSource implements DeliverySource {
  readonly #channel: Channel
  readonly #life: Life
  readonly #clock: Clock
  /** So many messages are worth an ack of their own. */
  readonly #ackEvery: number
  #settled: (tag: number) => void = () => {}
  /** A `multiple` ack that has not left yet. */
  #ackDue: number | null = null
  #lastTag = 0
  /** When something was last acked, ms of the monotonic clock. */
  #ackedAtMs = Number.NEGATIVE_INFINITY
  #cancelTimer: (() => void) | null = null

  constructor(channel: Channel, life: Life, clock: Clock, prefetch: number) {
    this.#channel = channel
    this.#life = life
    this.#clock = clock
    this.#ackEvery = Math.ceil(prefetch / 4)
  }

  get alive(): boolean {
    return !this.#life.over
  }

  /**
   * Waits for more of its kind: a turn of the event loop, and {@link ackEveryMs} since the one before, or until it is for a quarter of
   * the prefetch. n.b. Of more than 32 commands that a quorum queue has not answered, the channel keeps the rest to itself (RabbitMQ's
   * `quorum_commands_soft_limit`), and forgets it when it is closed, although it answers the close: of 500 messages that were acked one
   * turn after the other, 3.10 delivered 225 again and 4.3 even 340. With few acks under way none is kept.
   */
  ack(tag: number, multiple: boolean): void {
    if (multiple) {
      const first = this.#ackDue === null
      this.#ackDue = tag
      const waitMs = tag - this.#lastTag < this.#ackEvery ? this.#ackedAtMs + ackEveryMs - this.#clock.monotonic() : 0
      if (waitMs > 0) this.#cancelTimer ??= this.#clock.after(waitMs, () => this.flush())
      else if (first || this.#cancelTimer) {
        this.#stopWaiting()
        setImmediate(() => this.flush())
      }
    } else {
      this.flush()
      this.#acked(tag, false)
    }
    this.#settled(tag)
  }

  /** Sends the ack that waits for more of its kind. */
  flush(): void {
    this.#stopWaiting()
    const tag = this.#ackDue
    if (tag === null) return
    this.#ackDue = null
    this.#lastTag = tag
    this.#acked(tag, true)
  }

  /**
   * Sends what waits, and gives the queue time to have it. n.b. No command tells of an ack, so a question that the same queue answers is asked
   * a few times: each goes behind what the channel sent before, and each time the channel sends what it kept.
   */
  async applied(queue: string): Promise<void> {
    this.flush()
    if (this.#clock.monotonic() - this.#ackedAtMs > ackSettlesMs) return
    for (let asked = 0; asked < 3; asked++) {
      try {
        await this.#life.guard(this.#channel.checkQueue(queue))
      } catch {
        // The queue is gone, or not ours to ask.
        return
      }
      await new Promise<void>((resolve) => void this.#clock.after(ackPauseMs, resolve))
    }
  }

  #acked(tag: number, multiple: boolean): void {
    this.#ackedAtMs = this.#clock.monotonic()
    this.#settle(() => this.#channel.ack(byTag(tag), multiple))
  }

  #stopWaiting(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = null
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
      await this.#live?.source.applied(this.#options.queue)
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
    const source = new ChannelSource(channel, life, this.#with.clock, prefetch)
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
