import { jitteredDelayMs } from './core/backoff.ts'
import type { Batching } from './core/batcher.ts'
import { movedHeaders } from './core/headers.ts'
import type { Verdict } from './core/verdict.ts'
import type { Clock, Instruments, Log, Random } from './ports.ts'
import type { Job } from './settlement.ts'

export interface WaitingInPlace {
  readonly queue: string
  readonly batcher: Batching<Job>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly instruments: Instruments
  /** Called when something is back in the batcher. */
  readonly due: () => void
}

export type Retrial = Extract<Verdict, { kind: 'retry' }>

/** The failed deliveries of an ordered queue: they wait where they are, and what comes behind them waits too. */
export class InPlace {
  readonly #with: WaitingInPlace
  /** What waits, with what stops its timer. */
  readonly #waiting = new Map<readonly Job[], () => void>()

  constructor(waiting: WaitingInPlace) {
    this.#with = waiting
  }

  /** `again` of the batch `jobs` are tried again after their delay; until then the batch counts as running. */
  wait(jobs: readonly Job[], again: readonly [Job, Retrial][]): void {
    const { batcher, clock, random, log, instruments, queue, due } = this.#with
    const [[, first]] = again as [(typeof again)[number]]
    const { code, cause, failed: attempt, delayMs } = first
    log.warn('deliveries failed and are tried again in their place', {
      ...{ queue, deliveries: again.length, code, cause, attempt, delayMs },
    })
    for (const [, move] of again) instruments.count('kedafn.retries', 1, move.code)
    const next = again.map(([job, move]): Job => {
      const headers = movedHeaders(job.delivery.headers, { ...move, queue, at: clock.now() })
      // The same delivery to the settlement, a later attempt to the handler.
      return Object.assign(job, { delivery: { ...job.delivery, attempt: move.failed + 1, headers } })
    })
    const cancel = clock.after(jitteredDelayMs(delayMs, random), () => {
      this.#waiting.delete(next)
      batcher.putBack(next)
      batcher.release(jobs)
      due()
    })
    this.#waiting.set(next, cancel)
  }

  /** Takes out everything that waits. */
  clear(): readonly Job[] {
    const all = [...this.#waiting].flatMap(([jobs, cancel]) => {
      cancel()
      this.#with.batcher.release(jobs)
      return jobs
    })
    this.#waiting.clear()
    return all
  }
}
