import { text } from '../core/codecs.ts'
import { closeResource } from '../core/resource.ts'
import type { ConsumerSpec, Context, Delivery, EnvSpec, Outcome, ProducedMessage, ProducerSpec } from '../core/spec.ts'

/** What a function logged: the level, the message and its fields. */
export interface Logged {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface HandlingOptions {
  /** The variables that are set, besides the defaults of the spec. */
  readonly env?: Readonly<Record<string, string>>
  /** @default one that never aborts */
  readonly signal?: AbortSignal
}

/** The context of a handler, and what it logged. */
export interface TestContext<E extends EnvSpec> extends Context<E> {
  readonly logged: readonly Logged[]
}

/** The context that the runtime would give. @throws Error naming a variable without a value */
export function contextFor<E extends EnvSpec>(
  spec: { readonly env?: E | undefined },
  { env = {}, signal = new AbortController().signal }: HandlingOptions = {},
): TestContext<E> {
  const values = Object.entries(spec.env ?? {}).map(([name, variable]) => {
    const value = env[name] ?? variable.default
    if (value === undefined) throw new Error(`${name} is not set, and has no default: give it in env`)
    return [name, value]
  })
  const logged: Logged[] = []
  const at =
    (level: Logged['level']) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      logged.push({ level, message, fields })
    }
  const log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  return { signal, log, env: Object.fromEntries(values), logged }
}

/** A delivery with this body, on its first attempt. */
export function deliveryOf<T>(body: T, over: Partial<Delivery<T>> = {}): Delivery<T> {
  const bytes = body instanceof Uint8Array ? body : text.encode(typeof body === 'string' ? body : JSON.stringify(body))
  return { id: 'test:0', body, bytes, attempt: 1, redelivered: false, headers: {}, ...over }
}

/** What became of a batch. */
export interface HandledBatch {
  /** The bodies of what is done, in their order. */
  readonly done: readonly unknown[]
  /** What is to be tried again, or is given up, and why. */
  readonly failed: readonly Outcome[]
  readonly logged: readonly Logged[]
}

/**
 * Calls a consumer's `setup` and `handle` with these bodies as one batch, and closes what `setup` returned.
 * @throws whatever `handle` throws: then all of the batch is tried again
 */
export async function handled<T, E extends EnvSpec, R>(
  spec: ConsumerSpec<T, E, R>,
  bodies: readonly NoInfer<T>[],
  options: HandlingOptions = {},
): Promise<HandledBatch> {
  const context = contextFor(spec, options)
  const batch = bodies.map((body, index) => deliveryOf(body, { id: `test:${index}` }))
  const resource = (await spec.setup?.(context)) as R
  const failed = await handledBy(spec, batch, context, resource)
  const done = batch.filter((delivery) => !failed.some((outcome) => outcome.delivery === delivery))
  return { done: done.map(({ body }) => body), failed, logged: context.logged }
}

async function handledBy<T, E extends EnvSpec, R>(
  spec: ConsumerSpec<T, E, R>,
  batch: readonly Delivery<T>[],
  context: Context<E>,
  resource: R,
): Promise<readonly Outcome[]> {
  try {
    return (await spec.handle(batch, context, resource)) ?? []
  } finally {
    await closeResource(resource)
  }
}

/** What a producer makes of a line: its message, or null if it skips it. */
export function mapped<T, E extends EnvSpec>(
  spec: ProducerSpec<T, E>,
  line: string,
  options: HandlingOptions = {},
): ProducedMessage<T> | null {
  const bytes = text.encode(line)
  return spec.map({ bytes, text: line, offset: 0 }, contextFor(spec, options))
}
