import { FnError } from '../core/errors.ts'
import type { Declaration } from '../core/topology.ts'
import type {
  Broker,
  Clock,
  Consumer,
  ConsumerOptions,
  OutgoingMessage,
  Publisher,
  PublisherOptions,
} from '../ports.ts'
import { MemoryQueue, type Stored } from './queue.ts'
import { MemoryConsumer, MemoryPublisher, type MemorySession } from './sessions.ts'

/** A broker in memory: queues, fanout exchanges, confirms, prefetch, and every way to lose a session. */
export class MemoryBroker implements Broker {
  readonly clock: Clock
  readonly queues = new Map<string, MemoryQueue>()
  readonly sessions = new Set<MemorySession>()
  readonly #bindings = new Map<string, Set<string>>()
  /** False: no session can be opened. */
  up = true
  /** True: what sessions publish is not taken. */
  refusing = false
  /** Confirms that wait while they are held back. */
  #held: (() => void)[] | null = null

  constructor(clock: Clock) {
    this.clock = clock
  }

  publisher(options: PublisherOptions): Publisher {
    return new MemoryPublisher(this, options)
  }

  consumer(options: ConsumerOptions): Consumer {
    return new MemoryConsumer(this, options)
  }

  /** Makes what is missing. @throws FnError FN_TOPOLOGY_MISMATCH */
  declare(topology: readonly Declaration[]): void {
    for (const declaration of topology) {
      if (declaration.kind === 'binding') this.#bindings.get(declaration.exchange)?.add(declaration.queue)
      else if (declaration.kind === 'exchange') {
        if (!this.#bindings.has(declaration.name)) this.#bindings.set(declaration.name, new Set())
      } else {
        const queue = this.queues.get(declaration.name) ?? new MemoryQueue(declaration.arguments)
        this.queues.set(declaration.name, queue)
        const compared = (all: object) =>
          JSON.stringify(Object.entries(all).filter(([key]) => !declaration.tolerated?.includes(key)))
        if (compared(queue.arguments) !== compared(declaration.arguments)) {
          throw new FnError('FN_TOPOLOGY_MISMATCH', `queue '${declaration.name}'`)
        }
      }
    }
  }

  unbind(exchange: string, queue: string): void {
    this.#bindings.get(exchange)?.delete(queue)
  }

  /** Puts a message where it belongs. False: no queue is there to take it. */
  publish(message: OutgoingMessage): boolean {
    const { exchange, routingKey } = message
    const names = exchange === '' ? [routingKey] : [...(this.#bindings.get(exchange) ?? [])]
    const queues = names.map((name) => this.queues.get(name)).filter((queue) => queue !== undefined)
    for (const queue of queues) {
      const stored = queue.put(message)
      const ttlMs = Math.min(Number(queue.arguments['x-message-ttl'] ?? Infinity), message.expirationMs ?? Infinity)
      if (ttlMs < Infinity) this.clock.after(ttlMs, () => this.#expire(queue, routingKey, stored))
    }
    return queues.length > 0
  }

  /** What waits in a queue, in order; not what consumers hold. */
  ready(queue: string): readonly OutgoingMessage[] {
    return this.queues.get(queue)?.ready.map(({ message }) => message) ?? []
  }

  /** How many messages the queue's consumers hold. */
  unacked(queue: string): number {
    return [...(this.queues.get(queue)?.channels ?? [])].reduce((sum, { unacked }) => sum + unacked.size, 0)
  }

  /** Cuts every connection; the sessions come again by themselves. */
  cut(): void {
    for (const session of [...this.sessions]) session.drop()
  }

  /** Cuts every connection; no session stands before {@link start}. */
  stop(): void {
    this.up = false
    this.cut()
  }

  start(): void {
    this.up = true
  }

  /** Every session ends with what only a person can mend. */
  fail(error: FnError): void {
    for (const session of [...this.sessions]) session.fail(error)
  }

  holdConfirms(): void {
    this.#held ??= []
  }

  /** Sends the oldest confirms that are held back. All of them: and holds no more. */
  releaseConfirms(count = Infinity): void {
    const held = this.#held ?? []
    if (count === Infinity) this.#held = null
    for (const send of held.splice(0, count)) send()
  }

  /** Has an answer to a publish sent, now or when it is released. */
  answer(send: () => void): void {
    if (this.#held) this.#held.push(send)
    else queueMicrotask(send)
  }

  #expire(queue: MemoryQueue, name: string, stored: Stored): void {
    if (!queue.ready.includes(stored)) return
    queue.ready = queue.ready.filter((other) => other !== stored)
    const exchange = queue.arguments['x-dead-letter-exchange']
    if (exchange === undefined) return
    const death = { 'x-death': [{ queue: name, reason: 'expired', count: 1 }], 'x-first-death-reason': 'expired' }
    const { expirationMs: _spent, ...message } = stored.message
    this.publish({
      ...message,
      exchange: String(exchange),
      routingKey: String(queue.arguments['x-dead-letter-routing-key'] ?? message.routingKey),
      headers: { ...message.headers, ...death },
    })
  }
}

/** A broker in memory that goes by `clock`. @example const broker = memoryBroker({ clock: new TestClock() }) */
export const memoryBroker = ({ clock }: { readonly clock: Clock }): MemoryBroker => new MemoryBroker(clock)
