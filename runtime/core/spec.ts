/** What a user writes: the types of a function's default export. Data and plain functions; importing a spec opens nothing. */

/** Turns a body into bytes and back. `decode` may throw: the delivery then goes to dead letters with its bytes. */
export interface Codec<T> {
  decode(bytes: Uint8Array): T
  encode(value: T): Uint8Array
  /** Sent as the message's content type. */
  readonly contentType: string
}

/** One environment variable that a function declares. Without `default` it must be set. */
export interface EnvVariable {
  readonly default?: string
  /** Shown as `***` in errors and logs. @default false */
  readonly secret?: boolean
  /** What it is for; printed when it is missing. */
  readonly description?: string
  /** The only values accepted. */
  readonly oneOf?: readonly string[]
}
export type EnvSpec = Readonly<Record<string, EnvVariable>>
/** The declared variables with their values: every key is a string. */
export type EnvValues<E extends EnvSpec> = { readonly [K in keyof E]: string }

export type HeaderValue = string | number | boolean
export type Headers = Readonly<Record<string, unknown>>

/** One received message. */
export interface Delivery<T> {
  /** The message id: source identity and byte offset for lines. The same for every copy of a message. */
  readonly id: string
  readonly body: T
  /** The body as it came. */
  readonly bytes: Uint8Array
  /** 1 on the first attempt, counted by the runtime in the message's own header. */
  readonly attempt: number
  /** True if the broker has handed this copy out before. */
  readonly redelivered: boolean
  readonly headers: Headers
}

export interface Retry {
  readonly verdict: 'retry'
  readonly delivery: Delivery<unknown>
  readonly cause: unknown
}
export interface Drop {
  readonly verdict: 'drop'
  readonly delivery: Delivery<unknown>
  readonly cause: unknown
}
/** What a handler returns for a delivery that is not to be acked. */
export type Outcome = Retry | Drop

export interface FunctionLog {
  debug(message: string, fields?: Record<string, unknown>): void
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
  error(message: string, fields?: Record<string, unknown>): void
}

export interface Context<E extends EnvSpec = EnvSpec> {
  /** Aborts when the drain deadline nears or `timeoutMs` is over: give up, the delivery is handed back or tried again. */
  readonly signal: AbortSignal
  readonly log: FunctionLog
  /** The declared variables, and nothing else of the environment. */
  readonly env: EnvValues<E>
}

export interface BatchOptions {
  /** The most deliveries a handler gets at once. @default 1 for `each`, 100 for a batch handler; 1 to 10000 */
  readonly size?: number
  /** How long the first delivery of a batch waits for more, in ms. 0 takes what is there. @default 0; 0 to 60000 */
  readonly maxWaitMs?: number
}

export interface ScaleOptions {
  /** @default 0; 0 to 1000 */
  readonly min?: number
  /** @default 10; 1 to 1000 */
  readonly max?: number
  /** KEDA's `value`: the queue length that one replica is for. @default the prefetch, at least 100; 1 to 1000000 */
  readonly messagesPerReplica?: number
}

export interface RetryOptions {
  /** How often a delivery is tried before it is dead. @default 5; 1 to 100 */
  readonly attempts?: number
  /** The delay before the second attempt, in ms; doubled for each one after. @default 1000; 10 to 86400000 */
  readonly firstDelayMs?: number
  /** No delay is longer, in ms. @default 60000; firstDelayMs to 86400000 */
  readonly maxDelayMs?: number
  /** A delivery that has been failing for longer is dead, in ms since its first failure. @default 604800000; 1000 to 2592000000 */
  readonly maxAgeMs?: number
}

/**
 * In which order deliveries are handled. `'queue'`: one batch after the other. By key: those of one key one after the other, different
 * keys side by side. An ordered queue has one active consumer at a time, whatever the number of replicas; a delivery that fails is tried
 * again in its place, and what comes behind it waits.
 */
export type Order<T> = 'queue' | { readonly key: (delivery: Delivery<T>) => string }

/** Nothing: every delivery of the batch is done. A list: all but those it names. */
// biome-ignore lint/suspicious/noConfusingVoidType: a handler that returns nothing has the type void
export type Handled = void | readonly Outcome[]

export type Handler<T, E extends EnvSpec, R> = (
  batch: readonly Delivery<T>[],
  ctx: Context<E>,
  resource: R,
) => Handled | Promise<Handled>

export interface ConsumerSpec<T, E extends EnvSpec, R> {
  /** The queue it consumes; made if the topology is declared by the runtime. 1 to 200 of `A-Z a-z 0-9 . _ -`. */
  readonly queue: string
  /** The fanout exchange the queue is bound to. @default the queue's name */
  readonly exchange?: string
  /** @default bytes */
  readonly decode?: Codec<T> | ((bytes: Uint8Array) => T)
  readonly batch?: BatchOptions
  /** How many handlers run at once in one process. @default 1 for a batch handler, 10 for `each`; 1 to 1000 */
  readonly concurrency?: number
  /** How long a handler may take for one batch, in ms. @default 300000; 10 to 1500000 */
  readonly timeoutMs?: number
  /** @default none: deliveries of one process begin in the order they come, and end as they end */
  readonly order?: Order<T>
  readonly scale?: ScaleOptions
  readonly retry?: RetryOptions
  /** Up to how many lines a message of its producer carries. Each is a delivery; the prefetch counts messages. @default 1; 1 to 1000 */
  readonly linesPerMessage?: number
  readonly env?: E
  /** Opens what the handler needs, before the first delivery. What it returns is closed when the drain ends. */
  readonly setup?: (ctx: Context<E>) => R | Promise<R>
  readonly handle: Handler<T, E, R>
}

/** One line of a file, without its newline. */
export interface Line {
  readonly bytes: Uint8Array
  /** The bytes as UTF-8; what is not UTF-8 survives a round trip through {@link text}. */
  readonly text: string
  /** Where the line begins in its file, in bytes. */
  readonly offset: number
}

/** The lines of a file that may grow, rotate and be replaced. Data only: nothing is opened. */
export interface LinesSource {
  readonly kind: 'lines'
  /** A file, or a pattern such as `logs/*.log` for many. Overridden by the environment variable `INPUT_PATH`. */
  readonly path: string
}

export interface ProducedMessage<T> {
  readonly body: T
  readonly headers?: Readonly<Record<string, HeaderValue>>
}

export interface ProducerSpec<T, E extends EnvSpec> {
  readonly source: LinesSource
  readonly queue: string
  /** The fanout exchange it publishes to. @default the queue's name */
  readonly exchange?: string
  /** @default bytes */
  readonly encode?: Codec<T> | ((value: T) => Uint8Array)
  /**
   * Packs up to so many lines into one message, at most 16 KiB of them: those that are there, so a lone line leaves at once. A line with
   * headers of its own goes alone. Consumers get each line as a delivery; KEDA counts messages. @default 1; 1 to 1000
   */
  readonly linesPerMessage?: number
  readonly env?: E
  /** A line's message; `null` skips the line. Pure: it may run again for a line whose confirm was lost. */
  readonly map: (line: Line, ctx: Context<E>) => ProducedMessage<T> | null
}

/** Any function, its types forgotten: what the runtime loads. */
export type FunctionSpec = ConsumerSpec<unknown, EnvSpec, unknown> | ProducerSpec<unknown, EnvSpec>

export const isConsumer = (spec: FunctionSpec): spec is ConsumerSpec<unknown, EnvSpec, unknown> => 'handle' in spec

/** The declared variables that somebody has to set, for they have no default. */
export const requiredVariables = ({
  env = {},
}: {
  readonly env?: EnvSpec
}): readonly (readonly [string, EnvVariable])[] =>
  Object.entries(env).filter(([, { default: standard }]) => standard === undefined)
