import { retryLadder } from './core/backoff.ts'
import { Batcher } from './core/batcher.ts'
import { bytes } from './core/codecs.ts'
import type { ConsumerConfig } from './core/config.ts'
import { describe, FnError } from './core/errors.ts'
import { failedAttempts, movedHeaders } from './core/headers.ts'
import { prefetchOf } from './core/scale.ts'
import type { ConsumerSpec, Context, Delivery, EnvSpec } from './core/spec.ts'
import { type Declaration, deadQueueOf, retryQueueOf, topologyOf } from './core/topology.ts'
import { type HandlerResult, type Verdict, verdictsOf } from './core/verdict.ts'
import type { Broker, Clock, Consumer, DeliverySource, Instruments, Log, Publisher, RawDelivery } from './ports.ts'
import { type Job, Settlement } from './settlement.ts'

export interface Consuming {
  readonly config: ConsumerConfig
  readonly spec: ConsumerSpec<unknown, EnvSpec, unknown>
  readonly broker: Broker
  readonly clock: Clock
  readonly log: Log
  readonly instruments: Instruments
  /** Called each time a session with the broker stands. */
  readonly onReady: () => void
}

type Move = Exclude<Verdict, { kind: 'ack' }>

/** At most this much of moves to retry and dead letters waits for confirms; prefetch bounds them long before. */
const movesWindowBytes = 64 * 1024 * 1024
/** How many ids of moved deliveries one log line names. */
const idsLogged = 10

/**
 * The consumer's loop: deliveries in, batches to the handler, and each delivery out as one of acked, moved to a retry queue,
 * moved to dead letters, handed back. Nothing is acked before its effect is done; a move is confirmed before its ack.
 */
export class ConsumerLoop {
  readonly #with: Consuming
  readonly #topology: readonly Declaration[]
  readonly #consumer: Consumer
  readonly #batcher: Batcher<Job>
  readonly #settlement: Settlement
  readonly #decode: (body: Uint8Array) => unknown
  readonly #abort = new AbortController()
  readonly #context: Context<EnvSpec>
  #moves: Publisher | null = null
  /** Moves of the present source that are not confirmed: those of a lost one come again anyway. */
  #moving = 0
  #running = 0
  #started: Promise<void> = Promise.resolve()
  #draining = false
  #resource: unknown
  #pumpDue = false
  #cancelTimer = () => {}
  #quiet: () => void = () => {}
  #fail: (error: unknown) => void = () => {}
  /** Rejects with the error that ends the loop, if there ever is one. */
  readonly failed: Promise<never> = new Promise((_resolve, reject) => {
    this.#fail = reject
  })

  constructor(consuming: Consuming) {
    this.#with = consuming
    const { config, spec, broker, log, instruments } = consuming
    const decode = spec.decode ?? bytes
    this.#decode = typeof decode === 'function' ? decode : (body) => decode.decode(body)
    this.#batcher = new Batcher(config.batchSize, config.batchMaxWaitMs)
    this.#settlement = new Settlement(instruments)
    this.#context = Object.freeze({ signal: this.#abort.signal, log, env: config.env })
    this.#topology = topologyOf(config.queue, config.exchange, retryLadder(config))
    this.#consumer = broker.consumer({
      queue: config.queue,
      prefetch: prefetchOf(config.batchSize, config.concurrency),
      topology: this.#topology,
    })
    this.failed.catch(() => {})
    this.#consumer.failed.catch(this.#fail)
  }

  /** Runs the spec's setup, then consumes. @throws FnError FN_SETUP_FAILED */
  start(): Promise<void> {
    this.#started = this.#begin()
    return this.#started
  }

  async #begin(): Promise<void> {
    try {
      this.#resource = await this.#with.spec.setup?.(this.#context)
    } catch (error) {
      // A setup that gives up because it is told to has not failed.
      if (this.#abort.signal.aborted) return
      throw new FnError('FN_SETUP_FAILED', describe(error), { cause: error })
    }
    if (this.#draining) return
    this.#consumer.start({
      ready: () => this.#with.onReady(),
      delivery: (raw) => this.#received(raw),
      lost: (source) => this.#lost(source),
    })
  }

  /** Takes nothing more, hands back what was not started, finishes what runs, settles it, closes. */
  async drain(): Promise<void> {
    this.#draining = true
    this.#cancelTimer()
    // The cancel leaves before what is handed back, or the broker would deliver that to us again.
    const cancelled = this.#consumer.cancel()
    this.#settlement.handBack(this.#batcher.clear())
    await this.#started.catch(() => {})
    await cancelled
    while (this.#running > 0 || this.#moving > 0) {
      await new Promise<void>((resolve) => {
        this.#quiet = resolve
      })
    }
    await this.#consumer.close()
    await this.#moves?.close()
    await dispose(this.#resource)
  }

  /** Tells handlers that run to give up. What fails from now on is handed back and costs no attempt, unless it is dropped. */
  abortHandlers(): void {
    this.#abort.abort(new Error('the drain deadline nears'))
  }

  #received(raw: RawDelivery): void {
    const { messageId: id, body: bytes, redelivered, headers } = raw
    const attempt = failedAttempts(headers) + 1
    let body: unknown = bytes
    let failure: Move | null = null
    try {
      body = this.#decode(bytes)
    } catch (error) {
      failure = { kind: 'dead', failed: attempt, code: 'FN_DECODE_FAILED', cause: describe(error) }
    }
    const job: Job = { raw, delivery: { id, body, bytes, attempt, redelivered, headers }, settled: null }
    this.#settlement.begin(job)
    if (this.#draining) {
      // It was on its way while the consumer was cancelled.
      this.#settlement.handBack([job])
    } else if (failure) this.#moveAll([[job, failure]])
    else {
      this.#batcher.push(job, this.#with.clock.monotonic())
      this.#pumpSoon()
    }
  }

  /** What has not begun is forgotten, for it comes again; what runs goes on and is settled into the void. */
  #lost(source: DeliverySource): void {
    this.#batcher.clear()
    this.#settlement.lost(source)
    this.#moving = 0
    this.#quiet()
  }

  /** Once for all that one read of the socket brings, so that it makes one batch. */
  #pumpSoon(): void {
    if (this.#pumpDue) return
    this.#pumpDue = true
    queueMicrotask(() => {
      this.#pumpDue = false
      this.#pump()
    })
  }

  #pump(): void {
    const { clock, config } = this.#with
    this.#cancelTimer()
    while (this.#running < config.concurrency) {
      const dueInMs = this.#batcher.dueInMs(clock.monotonic())
      if (dueInMs === null) return
      if (dueInMs > 0) {
        this.#cancelTimer = clock.after(dueInMs, () => this.#pump())
        return
      }
      void this.#run(this.#batcher.take())
    }
  }

  async #run(jobs: readonly Job[]): Promise<void> {
    this.#running++
    const batch = jobs.map((job) => job.delivery)
    // A copy: whatever a handler does to its list, the verdicts must match the jobs.
    const result = await this.#handle([...batch])
    this.#settle(jobs, verdictsOf(batch, result, this.#with.config))
    this.#running--
    this.#pumpSoon()
    this.#quiet()
  }

  async #handle(batch: readonly Delivery<unknown>[]): Promise<HandlerResult> {
    try {
      return { returned: await this.#with.spec.handle(batch, this.#context, this.#resource) }
    } catch (threw) {
      return { threw }
    }
  }

  #settle(jobs: readonly Job[], verdicts: readonly Verdict[]): void {
    const done: Job[] = []
    const toldToStop: Job[] = []
    const moves: [Job, Move][] = []
    jobs.forEach((job, index) => {
      const verdict = verdicts[index] as Verdict
      if (verdict.kind === 'ack') done.push(job)
      else if (this.#abort.signal.aborted && verdict.code !== 'FN_DROPPED') toldToStop.push(job)
      else moves.push([job, verdict])
    })
    this.#settlement.ack(done, 'acked')
    this.#settlement.handBack(toldToStop)
    if (moves.length > 0) this.#moveAll(moves)
  }

  #moveAll(moves: readonly [Job, Move][]): void {
    this.#logMoves(moves, 'retry')
    this.#logMoves(moves, 'dead')
    for (const [job, move] of moves) this.#move(job, move)
  }

  /** One line for all of a batch that fails alike: a log line for each of thousands would hide what it says. */
  #logMoves(moves: readonly [Job, Move][], kind: Move['kind']): void {
    const alike = moves.filter(([, move]) => move.kind === kind)
    const first = alike[0]?.[1]
    if (!first) return
    const { log, config } = this.#with
    const ids = alike.slice(0, idsLogged).map(([job]) => job.raw.messageId)
    const fields = { queue: config.queue, deliveries: alike.length, ids, code: first.code, cause: first.cause }
    if (first.kind === 'dead') log.error('deliveries go to dead letters', fields)
    else log.warn('deliveries failed and are tried again', { ...fields, attempt: first.failed, delayMs: first.delayMs })
  }

  /** Publish, be confirmed, then ack: dying between the two leaves two copies, never none. */
  #move(job: Job, move: Move): void {
    const { body, messageId, contentType, timestamp, headers, source } = job.raw
    if (!source.alive) return
    this.#moves ??= this.#openMoves()
    this.#moving++
    const { queue } = this.#with.config
    const message = {
      exchange: '',
      routingKey: move.kind === 'dead' ? deadQueueOf(queue) : retryQueueOf(queue, move.delayMs),
      body,
      messageId,
      headers: movedHeaders(headers, { ...move, queue, at: this.#with.clock.now() }),
      ...(contentType === undefined ? {} : { contentType }),
      ...(timestamp === undefined ? {} : { timestamp }),
    }
    this.#moves.publish(message, () => {
      if (source.alive) this.#moving--
      this.#settlement.ack([job], move.kind === 'dead' ? 'dead' : 'retried')
      this.#quiet()
    })
  }

  /**
   * Opened by the first move: a function whose handler never fails needs no second connection. With the whole topology, so
   * that a retry queue that went missing is made again, or reported, and does not hold up its moves for ever.
   */
  #openMoves(): Publisher {
    const { broker } = this.#with
    const publisher = broker.publisher({ window: 1000, windowBytes: movesWindowBytes, topology: this.#topology })
    publisher.failed.catch(this.#fail)
    return publisher
  }
}

/** Closes what setup opened, if it can be closed. */
async function dispose(resource: unknown): Promise<void> {
  if (typeof resource !== 'object' || resource === null) return
  const disposable = resource as { [Symbol.asyncDispose]?(): unknown; [Symbol.dispose]?(): unknown; close?(): unknown }
  const close = disposable[Symbol.asyncDispose] ?? disposable[Symbol.dispose] ?? disposable.close
  await close?.call(resource)
}
