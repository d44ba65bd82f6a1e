import { FnError } from './core/errors.ts'
import type { Context, Delivery, EnvSpec, FunctionLog, Handler } from './core/spec.ts'
import type { HandlerResult } from './core/verdict.ts'
import type { Clock } from './ports.ts'

export interface Handling {
  readonly handle: Handler<unknown, EnvSpec, unknown>
  readonly timeoutMs: number
  readonly env: Readonly<Record<string, string>>
  readonly clock: Clock
  readonly log: FunctionLog
  /** Called with FN_HANDLER_STUCK: the process has to go, since nothing can end a handler from outside. */
  readonly stuck: (error: FnError) => void
}

/** One batch in the hands of the handler. */
export interface Run {
  /** What it returned or threw, or FN_HANDLER_TIMEOUT as soon as its time is over. Never rejects. */
  readonly result: Promise<HandlerResult>
  /** Settles when the handler is really through: until then it takes its place among the concurrent ones. */
  readonly through: Promise<void>
}

/** A handler that was told to give up gets at least this long to do so. */
const heedMs = 10_000

/** Calls the user's handler, with a time limit and a signal of its own for each batch. */
export class Handlers {
  readonly #with: Handling
  readonly #running = new Set<AbortController>()
  #aborted: Error | null = null

  constructor(handling: Handling) {
    this.#with = handling
  }

  /** True once {@link abort} was called. */
  get aborted(): boolean {
    return this.#aborted !== null
  }

  /** A context; without a log of its own for what runs outside of any batch: setup. */
  context(signal: AbortSignal, log: FunctionLog = this.#with.log): Context<EnvSpec> {
    return Object.freeze({ signal, log, env: this.#with.env })
  }

  /** @param log what the handler of this batch logs with */
  run(batch: readonly Delivery<unknown>[], resource: unknown, log: FunctionLog): Run {
    const { clock, timeoutMs } = this.#with
    const controller = new AbortController()
    this.#running.add(controller)
    if (this.#aborted) controller.abort(this.#aborted)
    const work = this.#call(batch, this.context(controller.signal, log), resource)
    const timedOut = new Promise<HandlerResult>((resolve) => {
      const cancelTimer = clock.after(timeoutMs, () => {
        const threw = new FnError('FN_HANDLER_TIMEOUT', `${timeoutMs} ms (timeoutMs) for ${batch.length} deliveries`)
        controller.abort(threw)
        resolve({ threw })
        const cancelStuck = clock.after(Math.max(heedMs, timeoutMs), () => this.#with.stuck(stuckError(timeoutMs)))
        void work.then(cancelStuck)
      })
      void work.then(cancelTimer)
    })
    const through = work.then(() => {
      this.#running.delete(controller)
    })
    return { result: Promise.race([work, timedOut]), through }
  }

  /** Tells the handlers that run, and those that begin from now on, to give up. */
  abort(reason: Error): void {
    this.#aborted = reason
    for (const controller of this.#running) controller.abort(reason)
  }

  async #call(
    batch: readonly Delivery<unknown>[],
    context: Context<EnvSpec>,
    resource: unknown,
  ): Promise<HandlerResult> {
    try {
      return { returned: await this.#with.handle(batch, context, resource) }
    } catch (threw) {
      return { threw }
    }
  }
}

const stuckError = (timeoutMs: number): FnError =>
  new FnError('FN_HANDLER_STUCK', `its time of ${timeoutMs} ms was over, ctx.signal was aborted, and it still runs`)
