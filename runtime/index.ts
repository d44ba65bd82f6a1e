/** The public surface: what a function imports as `#runtime`. */
import type { ConsumerSpec, EnvSpec, LinesSource, ProducerSpec } from './core/spec.ts'

export { bytes, json, text } from './core/codecs.ts'
export { DropError } from './core/errors.ts'
export type {
  BatchOptions,
  Codec,
  ConsumerSpec,
  Context,
  Delivery,
  Drop,
  EnvSpec,
  EnvVariable,
  FunctionLog,
  Handler,
  Line,
  LinesSource,
  Outcome,
  ProducedMessage,
  ProducerSpec,
  Retry,
  RetryOptions,
  ScaleOptions,
} from './core/spec.ts'
export { drop, each, retry } from './core/verdict.ts'
export { type AppendOptions, appendLines, type LineSink } from './files/append.ts'

/**
 * A function that a queue wakes. Returns the spec as it is: importing a `function.ts` opens nothing.
 *
 * @example
 * export default defineConsumer({
 *   queue: 'logs',
 *   decode: text,
 *   handle: (batch, ctx) => ctx.log.info('lines came', { lines: batch.map((delivery) => delivery.body) }),
 * })
 */
export function defineConsumer<T = Uint8Array, const E extends EnvSpec = Record<never, never>, R = undefined>(
  spec: ConsumerSpec<T, E, R>,
): ConsumerSpec<T, E, R> {
  return spec
}

/**
 * A function that sends the lines of a file to a queue. Returns the spec as it is.
 *
 * @example
 * export default defineProducer({
 *   source: lines({ path: 'input.txt' }),
 *   queue: 'logs',
 *   encode: text,
 *   map: (line) => ({ body: line.text }),
 * })
 */
export function defineProducer<T = Uint8Array, const E extends EnvSpec = Record<never, never>>(
  spec: ProducerSpec<T, E>,
): ProducerSpec<T, E> {
  return spec
}

/** The lines of a file, or of all files that a pattern such as `logs/*.log` matches: what they hold, and what is appended meanwhile. */
export const lines = (options: { readonly path: string }): LinesSource => ({ kind: 'lines', path: options.path })
