import type { Checkpoint } from './core/checkpoint.ts'
import type { Counters } from './core/counters.ts'
import type { CounterName, GaugeName, HistogramName } from './core/metrics.ts'
import type { Headers } from './core/spec.ts'
import type { Declaration } from './core/topology.ts'
import type { TraceContext } from './core/trace-context.ts'

/**
 * The ports: all that the two loops know of the world. Adapters implement them; `runtime/testing.ts` has doubles of them,
 * and each port's contract suite runs against both.
 */

/**
 * Puts something between a function and one of its ports, or returns the port as it is. So a test can die before and after
 * every single call, without a list of the calls.
 */
export type Wrap = <T extends object>(port: string, implementation: T) => T

// --- time ---------------------------------------------------------------------------------------------------------

export interface Clock {
  /** Wall clock, ms since 1970. */
  now(): number
  /** Never goes back, ms since an arbitrary moment. */
  monotonic(): number
  /** Calls `fn` once after `ms`, unless the returned function is called before. Does not keep the process alive. */
  after(ms: number, fn: () => void): () => void
}

/** A number in [0, 1). */
export type Random = () => number

// --- telemetry ----------------------------------------------------------------------------------------------------

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** One line an event. The message is constant, what varies is in the fields. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
  error(message: string, fields?: Record<string, unknown>): void
  child(fields: Record<string, unknown>): Log
}

export type { Counters } from './core/counters.ts'

/** What the loops and adapters count and measure; `runtime/core/metrics.ts` declares it. All of it costs next to nothing. */
export interface Instruments {
  readonly counters: Counters
  add(name: keyof Counters, n?: number): void
  count(name: CounterName, n: number, label?: string): void
  record(name: HistogramName, value: number, label?: string, times?: number): void
  /** `read` is asked at each scrape, until the returned function is called; several readings of one series are added up. */
  observe(name: GaugeName | CounterName, read: () => number, label?: string): () => void
}

export type { TraceContext } from './core/trace-context.ts'

export interface SpanStart {
  readonly name: string
  readonly kind: 'producer' | 'consumer'
  /** The span that this one is a part of; null begins a trace. */
  readonly parent: TraceContext | null
  /** What it was caused by otherwise. */
  readonly links: readonly TraceContext[]
  readonly attributes: Readonly<Record<string, string | number>>
}

export interface Span {
  readonly context: TraceContext
  /** `errorType`: what it failed of, in a word. */
  end(errorType?: string): void
}

/** Begins spans. It costs a message some microseconds: whoever traces nothing has none. */
export interface Tracer {
  start(span: SpanStart): Span
}

/** Where the sessions with the broker tell how they are: whether this process is live depends on it. */
export interface Health {
  /** A session that is away until it says more. `role` tells it from the others of this process. */
  session(role: string): SessionReports
}

/** What one session tells. To tell the same again changes nothing. */
export interface SessionReports {
  /** There is no session, or one that does not work yet. */
  away(cause: string): void
  /** The session stands, and waits for something that another process has. */
  waiting(cause: string): void
  /** The consumer is registered, or what is published goes out. */
  standing(): void
  /** The broker takes no messages of this connection, in its own words; null: it takes them again. */
  blocked(reason: string | null): void
  /** There will be no session any more, and nothing to say of it. */
  ended(): void
}

/** What a function's process tells the process that started it, over Node's IPC channel, when something changed. */
export interface ProcessReport {
  readonly kind: 'kedafn-report'
  readonly function: string
  /** `running` once it is ready: connected, and consuming or publishing. */
  readonly state: 'starting' | 'running' | 'draining' | 'ended'
  readonly counters: Counters
  /** Where it answers probes, once it does. */
  readonly probePort?: number
}

// --- broker -------------------------------------------------------------------------------------------------------

export interface OutgoingMessage {
  /** Empty for the default exchange. */
  readonly exchange: string
  readonly routingKey: string
  readonly body: Uint8Array
  readonly messageId: string
  readonly contentType?: string
  /** ms since 1970; AMQP carries whole seconds. */
  readonly timestamp?: number
  /** Per-message TTL, ms. */
  readonly expirationMs?: number
  readonly headers?: Headers
}

/**
 * Publishes persistent, mandatory messages in a sliding window of confirms. A message that was taken is published again,
 * in order, on every new session until the broker confirms it: not on a lost connection, a nack or a return is it given up.
 */
export interface Publisher {
  /** Resolves once the window has room; at once while it has. Rejects with the fatal error, if there is one. */
  room(): Promise<void>
  /** False: `await room()` before the next publish. */
  hasRoom(): boolean
  /** Takes the message. `confirmed` is called once, in the order of the publishes, when the broker holds it. */
  publish(message: OutgoingMessage, confirmed: () => void): void
  /** Resolves when the first session stands. */
  readonly ready: Promise<void>
  /** Rejects with the fatal error, if there ever is one; else never settles. */
  readonly failed: Promise<never>
  /**
   * Resolves if, as far as the broker tells, the queues that an exchange of the topology feeds have stood ever since the first
   * session; waits for a session, and mends a missing binding with `declare`. FN_QUEUE_GONE: what was confirmed since this last
   * resolved may be in the history alone. Rejects with the fatal error, if there is one.
   */
  standing(): Promise<void>
  /** How many messages were taken and are not confirmed. */
  unconfirmed(): number
  /** Resolves when everything taken is confirmed. Rejects with the fatal error, if there is one. */
  idle(): Promise<void>
  /** Ends the connection, within a second. What is unconfirmed is given up: whoever sent it still has it. Never rejects. */
  close(): Promise<void>
}

/** The channel that delivered; acks belong to it. Every method is a no-op once that channel is gone. */
export interface DeliverySource {
  readonly alive: boolean
  /** Acks `tag`, and with `multiple` everything unsettled before it. */
  ack(tag: number, multiple: boolean): void
  /** Gives `tag` back to the queue, and with `multiple` everything unsettled before it, which then keeps its order there. */
  handBack(tag: number, multiple: boolean): void
}

export interface RawDelivery {
  readonly source: DeliverySource
  /** Counts from 1 in each source. */
  readonly tag: number
  readonly body: Uint8Array
  readonly messageId: string
  readonly contentType: string | undefined
  readonly timestamp: number | undefined
  readonly redelivered: boolean
  readonly headers: Headers
}

export interface ConsumerListener {
  /** A session stands and consumes. */
  ready(): void
  delivery(delivery: RawDelivery): void
  /** The source is gone: its deliveries can no longer be settled and come again from the broker. */
  lost(source: DeliverySource): void
}

export interface Consumer {
  /** Begins to consume, and again on every new session. */
  start(listener: ConsumerListener): void
  /** Resolves once no further delivery will come. Deliveries that came can still be settled. Never rejects. */
  cancel(): Promise<void>
  /** Rejects with the fatal error, if there ever is one; else never settles. */
  readonly failed: Promise<never>
  /** Sends what was settled and ends the connection, within a second. Never rejects. */
  close(): Promise<void>
}

export interface PublisherOptions {
  /** The most unconfirmed messages. */
  readonly window: number
  /** The most bytes of unconfirmed bodies; one message always fits. */
  readonly windowBytes: number
  /** Declared, or verified, on every session before anything is published. */
  readonly topology: readonly Declaration[]
}

export interface ConsumerOptions {
  readonly queue: string
  readonly prefetch: number
  /**
   * Each session begins by taking messages one at a time, nothing prefetched behind them, as long as this is true of the one
   * that came; the next one only when it is settled. Without it, it does not.
   */
  readonly probe?: ((headers: Headers) => boolean) | undefined
  readonly topology: readonly Declaration[]
}

export interface Broker {
  publisher(options: PublisherOptions): Publisher
  consumer(options: ConsumerOptions): Consumer
}

export interface LockedOptions extends PublisherOptions {
  /** What the producers of one source compete for: a session begins with it, or waits until its holder is gone. */
  readonly lock: string
  /**
   * Called on each session that has the lock, before anything is published on it. FN_TAKEN_OVER: another holder was at work
   * in between, and what is unconfirmed here may not be published any more. It is the publisher's fatal error then.
   */
  admit(): Promise<void>
  /** The queue that keeps the checkpoint, if the broker does. */
  readonly checkpointQueue: string | null
}

/** What publishes with the lock alone, and what reads and saves the checkpoint with it alone, if the broker keeps it. */
export interface LockedPublisher {
  readonly publisher: Publisher
  readonly store: CheckpointStore | null
}

export interface LockingBroker {
  locked(options: LockedOptions): LockedPublisher
}

// --- files --------------------------------------------------------------------------------------------------------

/** Where a run of bytes of the source stands. */
export interface SourceChunk {
  /** Names the file's content for as long as it only grows; part of every message id. */
  readonly file: string
  /** The offset in that file of the chunk's first byte. */
  readonly offset: number
  readonly bytes: Uint8Array
  /** No more bytes follow in this file: a last line without newline is finished. */
  readonly last: boolean
}

export interface Source {
  /** The next bytes; waits for them. `null`: the source is complete (only if it was opened as such) or `signal` fired. */
  read(signal: AbortSignal): Promise<SourceChunk | null>
  /** What to store so that a later run goes on after `offset` of `file`. */
  checkpoint(file: string, offset: number): Promise<Checkpoint>
  close(): Promise<void>
}

export interface CheckpointStore {
  load(): Promise<Checkpoint | null>
  /** Resolves when it is on disk for good. */
  save(checkpoint: Checkpoint): Promise<void>
}
