import { retryDelayMs } from './backoff.ts'
import { describe, type ErrorCode, FnError, saysDrop } from './errors.ts'
import { firstFailureAt } from './headers.ts'
import type { Context, Delivery, Drop, EnvSpec, Handler, Outcome, Retry, RetryOptions } from './spec.ts'

/** Try this delivery again after its delay; once its attempts are used up it goes to dead letters. */
export const retry = (delivery: Delivery<unknown>, cause: unknown): Retry => ({ verdict: 'retry', delivery, cause })

/** Give this delivery up at once: it goes to dead letters with the cause. */
export const drop = (delivery: Delivery<unknown>, cause: unknown): Drop => ({ verdict: 'drop', delivery, cause })

const single = new WeakSet<object>()

/** True for a handler made by {@link each}: it wants one delivery at a time. */
export const isSingle = (handler: unknown): boolean => typeof handler === 'function' && single.has(handler)

/**
 * Lifts a handler of one delivery. A throw retries that delivery alone, or drops it if the error says so; a returned
 * `retry()` or `drop()` counts as in a batch handler, any other returned value is ignored.
 * `batch.size` defaults to 1 and `concurrency` to 10 for such a handler.
 */
export function each<T, E extends EnvSpec, R>(
  handle: (delivery: Delivery<T>, ctx: Context<E>, resource: R) => unknown,
): Handler<T, E, R> {
  const lifted: Handler<T, E, R> = async (batch, ctx, resource) => {
    const returned = await Promise.all(
      batch.map(async (delivery) => {
        try {
          return await handle(delivery, ctx, resource)
        } catch (error) {
          return saysDrop(error) ? drop(delivery, error) : retry(delivery, error)
        }
      }),
    )
    return returned.flat().filter(isOutcome)
  }
  single.add(lifted)
  return lifted
}

/** What becomes of one delivery. */
export type Verdict =
  | { readonly kind: 'ack' }
  | {
      readonly kind: 'retry'
      readonly delayMs: number
      readonly failed: number
      readonly code: ErrorCode
      readonly cause: string
    }
  | { readonly kind: 'dead'; readonly failed: number; readonly code: ErrorCode; readonly cause: string }

export type HandlerResult = { readonly returned: unknown } | { readonly threw: unknown }

const ack: Verdict = { kind: 'ack' }

const codeOfThrown = (threw: unknown): ErrorCode =>
  threw instanceof FnError && threw.verdict === 'retry' ? threw.code : 'FN_HANDLER_FAILED'

/** What a whole batch failed of, as a code; '' if the handler returned. */
export function errorTypeOf(result: HandlerResult): ErrorCode | '' {
  if (!('threw' in result)) return ''
  return saysDrop(result.threw) ? 'FN_DROPPED' : codeOfThrown(result.threw)
}

/** The verdict on each delivery of a batch, in its order, from what the handler returned or threw. */
export function verdictsOf(
  batch: readonly Delivery<unknown>[],
  result: HandlerResult,
  options: Required<RetryOptions>,
  now: number,
): readonly Verdict[] {
  const judge = (delivery: Delivery<unknown>, verdict: 'retry' | 'drop', code: ErrorCode, thrown: unknown) =>
    verdict === 'drop' ? dropped(delivery, thrown) : failed(delivery, code, describe(thrown), options, now)
  if ('threw' in result) {
    const { threw } = result
    return batch.map((delivery) => judge(delivery, saysDrop(threw) ? 'drop' : 'retry', codeOfThrown(threw), threw))
  }
  if (result.returned === undefined) return batch.map(() => ack)
  const outcomes = readOutcomes(batch, result.returned)
  if (typeof outcomes === 'string')
    return batch.map((delivery) => judge(delivery, 'retry', 'FN_OUTCOME_INVALID', outcomes))
  return batch.map((delivery) => {
    const outcome = outcomes.get(delivery)
    return outcome ? judge(delivery, outcome.verdict, 'FN_HANDLER_FAILED', outcome.cause) : ack
  })
}

/** The outcomes by delivery, or what is wrong with them: a handler's mistake must not be taken for "all done". */
function readOutcomes(
  batch: readonly Delivery<unknown>[],
  returned: unknown,
): Map<Delivery<unknown>, Outcome> | string {
  if (!Array.isArray(returned)) {
    return `expected nothing or a list of retry() and drop(), got ${returned === null ? 'null' : typeof returned}`
  }
  const members = new Set(batch)
  const outcomes = new Map<Delivery<unknown>, Outcome>()
  for (const outcome of returned as unknown[]) {
    if (!isOutcome(outcome)) return 'the list holds something else than retry() and drop()'
    const { delivery } = outcome
    if (!members.has(delivery)) return 'an outcome names a delivery that is not in the batch'
    if (outcomes.has(delivery)) return `two outcomes name the delivery ${delivery.id}`
    outcomes.set(delivery, outcome)
  }
  return outcomes
}

/** True for what {@link retry} and {@link drop} return. */
const isOutcome = (value: unknown): value is Outcome =>
  typeof value === 'object' &&
  value !== null &&
  'delivery' in value &&
  'verdict' in value &&
  (value.verdict === 'retry' || value.verdict === 'drop')

const dropped = (delivery: Delivery<unknown>, thrown: unknown): Verdict => {
  return { kind: 'dead', failed: delivery.attempt, code: 'FN_DROPPED', cause: describe(thrown) }
}

/** Tried again after its delay, unless its attempts or its time are used up. */
function failed(
  delivery: Delivery<unknown>,
  code: ErrorCode,
  cause: string,
  options: Required<RetryOptions>,
  now: number,
): Verdict {
  const { attempt, headers } = delivery
  if (attempt >= options.attempts) return { kind: 'dead', failed: attempt, code: 'FN_ATTEMPTS_EXHAUSTED', cause }
  const delayMs = retryDelayMs(attempt, options)
  const age = now + delayMs - (firstFailureAt(headers) ?? now)
  if (age > options.maxAgeMs) return { kind: 'dead', failed: attempt, code: 'FN_TOO_OLD', cause }
  return { kind: 'retry', delayMs, failed: attempt, code, cause }
}
