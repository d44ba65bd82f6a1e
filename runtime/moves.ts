import { jitteredDelayMs } from './core/backoff.ts'
import type { ErrorCode } from './core/errors.ts'
import { movedHeaders, partHeaders, suspectHeaders } from './core/headers.ts'
import { deadQueueOf, retryQueueOf } from './core/topology.ts'
import type { Verdict } from './core/verdict.ts'
import type { Clock, Instruments, Log, OutgoingMessage, Publisher, Random } from './ports.ts'
import { tracesOf } from './process-span.ts'
import type { Job, Settlement } from './settlement.ts'

export interface Moving {
  readonly queue: string
  readonly settlement: Settlement
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly instruments: Instruments
  /** Called by the first move: a function whose handler never fails needs no second connection. */
  readonly open: () => Publisher
  /** Called when a move is through. */
  readonly moved: () => void
}

export type Move = Exclude<Verdict, { kind: 'ack' }>

/** How many ids of moved deliveries one log line names. */
const idsLogged = 10

/**
 * Moves deliveries to other queues: publish, be confirmed, then ack. Dying between the two leaves two copies, never none.
 */
export class Moves {
  readonly #with: Moving
  #publisher: Publisher | null = null
  #pending = 0

  constructor(moving: Moving) {
    this.#with = moving
  }

  /** Moves whose ack is still to come. */
  get pending(): number {
    return this.#pending
  }

  /** To a retry queue or to dead letters, by verdict. */
  moveAll(moves: readonly (readonly [Job, Move])[]): void {
    this.#logAlike(moves, 'retry')
    this.#logAlike(moves, 'dead')
    for (const [job, move] of moves) this.#move(job, move)
  }

  /** Back to the end of its own queue, marked to be handled alone. */
  mark(job: Job): void {
    const { log, queue } = this.#with
    log.warn('a delivery whose process died is handled alone from now on', { queue, id: job.id })
    this.#publish(job, queue, suspectHeaders(job.delivery.headers), ['retried', 'FN_CRASH_LOOP'])
  }

  /** Back to the end of its own queue, as it is: what came in one message with it is done, so that cannot go back. */
  giveBack(job: Job): void {
    this.#publish(job, this.#with.queue, partHeaders(job.delivery.headers), ['handedBack'])
  }

  /** The channel of all deliveries is gone: no ack is to come. */
  lost(): void {
    this.#pending = 0
  }

  async close(): Promise<void> {
    await this.#publisher?.close()
  }

  #move(job: Job, move: Move): void {
    const { queue, clock, random } = this.#with
    const headers = movedHeaders(job.delivery.headers, { ...move, queue, at: clock.now() })
    const { code } = move
    if (move.kind === 'dead') this.#publish(job, deadQueueOf(queue), headers, ['dead', code])
    else {
      const delayMs = jitteredDelayMs(move.delayMs, random)
      this.#publish(job, retryQueueOf(queue, move.delayMs), headers, ['retried', code], delayMs)
    }
  }

  #publish(
    job: Job,
    routingKey: string,
    headers: Record<string, unknown>,
    [counter, code]: readonly ['retried' | 'dead', ErrorCode] | readonly ['handedBack'],
    expirationMs?: number,
  ): void {
    const { contentType, timestamp, source } = job.raw
    if (!source.alive) return
    this.#publisher ??= this.#with.open()
    this.#pending++
    const message: OutgoingMessage = {
      exchange: '',
      routingKey,
      body: job.bytes,
      messageId: job.id,
      headers,
      ...(contentType === undefined ? {} : { contentType }),
      ...(timestamp === undefined ? {} : { timestamp }),
      ...(expirationMs === undefined ? {} : { expirationMs }),
    }
    this.#publisher.publish(message, () => {
      if (source.alive) this.#pending--
      const settled = this.#with.settlement.ack([job], counter)
      const { instruments } = this.#with
      if (code !== undefined) {
        instruments.count(counter === 'dead' ? 'kedafn.dead_letters' : 'kedafn.retries', settled, code)
      }
      this.#with.moved()
    })
  }

  /** One line for all of a batch that fails alike: a log line for each of thousands would hide what it says. */
  #logAlike(moves: readonly (readonly [Job, Move])[], kind: Move['kind']): void {
    const alike = moves.filter(([, move]) => move.kind === kind)
    const first = alike[0]?.[1]
    if (!first) return
    const { log, queue } = this.#with
    const ids = alike.slice(0, idsLogged).map(([job]) => job.id)
    const traces = tracesOf(alike.slice(0, idsLogged).map(([job]) => job)).map(({ traceId }) => traceId)
    const traced = traces.length === 0 ? {} : { traceIds: [...new Set(traces)] }
    const fields = { queue, deliveries: alike.length, ids, ...traced, code: first.code, cause: first.cause }
    if (first.kind === 'dead') log.error('deliveries go to dead letters', fields)
    else log.warn('deliveries failed and are tried again', { ...fields, attempt: first.failed, delayMs: first.delayMs })
  }
}
