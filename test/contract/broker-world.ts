import type { TestContext } from 'node:test'
import { topologyOf } from '../../runtime/core/topology.ts'
import type { Broker, ConsumerListener, DeliverySource, OutgoingMessage, RawDelivery } from '../../runtime/ports.ts'

/** What the contract needs of a broker beside the port: how to look into it, and how to hurt it. */
export interface BrokerWorld {
  readonly broker: Broker
  /** A name nothing else uses. */
  readonly queue: string
  /** Cuts every connection that the port holds. */
  cut(): Promise<void>
  /** Bodies that wait in a queue; takes them out. */
  take(queue: string): Promise<string[]>
  /** The first `count` bodies in the history of an exchange. */
  history(exchange: string, count: number): Promise<string[]>
  /** How many messages wait in a queue; what consumers hold is not in it. */
  ready(queue: string): Promise<number>
  /** Makes a classic queue of that name, so that the topology's own arguments are a mismatch. */
  occupy(queue: string): Promise<void>
  bind(exchange: string, queue: string): Promise<void>
  unbind(exchange: string, queue: string): Promise<void>
  remove(queue: string): Promise<void>
}

export type OpenWorld = (t: TestContext) => Promise<BrokerWorld>

/** Retries come back after this; long enough to look at them before. */
export const retryMs = 300

export const topology = (queue: string) => topologyOf(queue, queue, [retryMs])

export const message = (exchange: string, body: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage => ({
  exchange,
  routingKey: '',
  body: Buffer.from(body),
  messageId: `id-${body.slice(0, 20)}`,
  ...more,
})

/** `count` bodies that sort as they were made. */
export const bodies = (count: number, prefix = ''): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${String(index).padStart(4, '0')}`)

/** Each value where it came first. */
export const firsts = (values: readonly string[]): string[] => [...new Set(values)]

/** Publishes all of it and waits for the confirms. */
export async function fill(world: BrokerWorld, values: readonly string[]): Promise<void> {
  const publisher = world.broker.publisher({ window: 1000, windowBytes: 2 ** 20, topology: topology(world.queue) })
  for (const value of values) publisher.publish(message(world.queue, value), () => {})
  await publisher.idle()
  await publisher.close()
}

/** Keeps all that a consumer tells. */
export class Inbox implements ConsumerListener {
  readonly deliveries: RawDelivery[] = []
  readonly lostSources: DeliverySource[] = []
  readies = 0

  ready(): void {
    this.readies++
  }

  delivery(delivery: RawDelivery): void {
    this.deliveries.push(delivery)
  }

  lost(source: DeliverySource): void {
    this.lostSources.push(source)
  }

  get bodies(): string[] {
    return this.deliveries.map(({ body }) => Buffer.from(body).toString())
  }

  at(index: number): RawDelivery {
    const delivery = this.deliveries.at(index)
    if (!delivery) throw new RangeError(`no delivery ${index} of ${this.deliveries.length}`)
    return delivery
  }
}

const patience = { interval: 5, timeout: 15_000 }

/** Polls until `assertion` no longer throws. */
export const eventually = (t: TestContext, assertion: () => void | Promise<void>): Promise<void> =>
  t.waitFor(assertion, patience) as Promise<void>
