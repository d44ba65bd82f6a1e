import { retryLadder } from './core/backoff.ts'
import { Batcher, type Batching, KeyedBatcher } from './core/batcher.ts'
import { bytes } from './core/codecs.ts'
import type { ConsumerConfig } from './core/config.ts'
import { crashesOfSuspect, triage } from './core/crash.ts'
import { describe, FnError } from './core/errors.ts'
import { failedAttempts } from './core/headers.ts'
import { closeResource } from './core/resource.ts'
import { prefetchFor } from './core/scale.ts'
import type { ConsumerSpec, EnvSpec } from './core/spec.ts'
import { topologyOf } from './core/topology.ts'
import { errorTypeOf, type Verdict, verdictsOf } from './core/verdict.ts'
import { Handlers } from './handlers.ts'
import { InPlace, type Retrial } from './in-place.ts'
import { byMessage, jobsOf, type Reading } from './jobs.ts'
import { type Move, Moves } from './moves.ts'
import type { Broker, Clock, Consumer, DeliverySource, Instruments, Log, Random, RawDelivery, Tracer } from './ports.ts'
import { processSpan, tracedLog } from './process-span.ts'
import { Quota } from './quota.ts'
import { Repeats } from './repeats.ts'
import { type Job, Settlement } from './settlement.ts'

export interface Consuming {
  readonly config: ConsumerConfig
  readonly spec: ConsumerSpec<unknown, EnvSpec, unknown>
  readonly broker: Broker
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly instruments: Instruments
  /** Null: nothing is traced. */
  readonly tracer?: Tracer | null
  /** Called each time a session with the broker stands. */
  readonly onReady: () => void
}

/** What was not begun leaves for the queue this long after the drain began at the latest. The broker has it some 25 ms later. */
const handBackAfterMs = 30
/** Handlers that compute end without a turn of the event loop: for longer than this, heartbeats, probes and signals must not wait. */
const turnAfterMs = 100
/** At most this much of moves to retry and dead letters waits for confirms; prefetch bounds them long before. */
const movesWindowBytes = 64 * 1024 * 1024

/**
 * The consumer's loop: deliveries in, batches to the handler, and each delivery out as one of acked, moved to a retry queue,
 * moved to dead letters, handed back. Nothing is acked before its effect is done; a move is confirmed before its ack.
 */
export class ConsumerLoop {
  readonly #with: Consuming
  readonly #consumer: Consumer
  readonly #batcher: Batching<Job>
  readonly #settlement: Settlement
  readonly #handlers: Handlers
  readonly #moves: Moves
  readonly #reading: Reading
  readonly #abort = new AbortController()
  /** Deliveries that are handled with no other beside them. */
  #suspects: Job[] = []
  #alone = false
  #sessionsLost = 0
  readonly #inPlace: InPlace
  readonly #repeats = new Repeats()
  readonly #quota: Quota
  #running = 0
  #draining = false
  #started: Promise<void> = Promise.resolve()
  #resource: unknown
  #pumpDue = false
  /** When the event loop is known to have turned. */
  #turnedAtMs = 0
  #cancelTimer = () => {}
  #quiet: () => void = () => {}
  #fail: (error: unknown) => void = () => {}
  /** Rejects with the error that ends the loop, if there ever is one. */
  readonly failed: Promise<never> = new Promise((_resolve, reject) => {
    this.#fail = reject
  })

  /** Resolves when the deliveries it was to take are settled, or none comes: then it is to be drained. */
  get complete(): Promise<void> {
    return this.#quota.complete
  }

  constructor(consuming: Consuming) {
    this.#with = consuming
    const { config, spec, broker, clock, log, instruments } = consuming
    const decode = spec.decode ?? bytes
    const { order } = spec
    this.#reading = {
      decode: typeof decode === 'function' ? decode : (body) => decode.decode(body),
      keyOf: order === undefined || order === 'queue' ? () => '' : (delivery) => `${order.key(delivery)}`,
    }
    this.#batcher =
      order === undefined
        ? new Batcher(config.batchSize, config.batchMaxWaitMs)
        : new KeyedBatcher(config.batchSize, config.batchMaxWaitMs, (job) => job.key)
    this.#settlement = new Settlement(instruments)
    this.#inPlace = new InPlace({
      ...consuming,
      queue: config.queue,
      batcher: this.#batcher,
      due: () => this.#pumpSoon(),
    })
    this.#handlers = new Handlers({ ...config, handle: spec.handle, clock, log, stuck: (error) => this.#fail(error) })
    const topology = topologyOf(config.queue, config.exchange, order ? [] : retryLadder(config), order !== undefined)
    this.#moves = new Moves({
      ...consuming,
      queue: config.queue,
      settlement: this.#settlement,
      moved: () => this.#ended(),
      // With the whole topology, so that a retry queue that went missing is made again, or reported.
      open: () => {
        const publisher = broker.publisher({ window: 1000, windowBytes: movesWindowBytes, topology })
        publisher.failed.catch(this.#fail)
        return publisher
      },
    })
    this.#consumer = broker.consumer({
      queue: config.queue,
      prefetch: Math.min(
        prefetchFor({ ...config, messagesPerReplica: spec.scale?.messagesPerReplica }),
        config.maxDeliveries || Number.POSITIVE_INFINITY,
      ),
      topology,
      // n.b. a single active consumer cannot be asked for one message at a time.
      probe: order === undefined ? (headers) => triage(headers, this.#sessionsLost) !== 'handle' : undefined,
    })
    this.#quota = new Quota({
      max: config.maxDeliveries,
      idleMs: config.idleMs,
      clock,
      quiet: () => this.#running + this.#suspects.length + this.#batcher.length + this.#moves.pending === 0,
    })
    instruments.observe('kedafn.deliveries.waiting', () => this.#suspects.length + this.#batcher.length)
    instruments.observe('kedafn.handlers.running', () => this.#running)
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
      this.#resource = await this.#with.spec.setup?.(this.#handlers.context(this.#abort.signal))
    } catch (error) {
      // A setup that gives up because it is told to has not failed.
      if (this.#abort.signal.aborted) return
      throw new FnError('FN_SETUP_FAILED', describe(error), { cause: error })
    }
    if (this.#draining) return
    this.#consumer.start({
      ready: () => {
        this.#quota.watch()
        this.#with.onReady()
      },
      delivery: (raw) => this.#received(raw),
      lost: (source) => this.#lost(source),
    })
  }

  /** Takes nothing more, hands back what was not started, finishes what runs, settles it, closes. */
  async drain(): Promise<void> {
    this.#draining = true
    this.#cancelTimer()
    const notBegun = this.#notBegun()
    if (this.#with.spec.order === undefined) {
      // The cancel leaves before what is handed back, or the broker would deliver that to us again.
      const cancelled = this.#consumer.cancel()
      // What runs mostly ends in a moment, and then the rest goes back in one piece, and in its order.
      await this.#untilQuiet(handBackAfterMs)
      this.#giveBack(notBegun)
      await cancelled
    }
    await this.#started.catch(() => {})
    await this.#untilQuiet()
    // n.b. after a cancel the next consumer gets what comes behind, and what is given back piece by piece stands in the order of
    // its return: an ordered queue gets it all back at once, in its order, when the channel closes.
    this.#settlement.flush()
    await this.#consumer.close()
    await this.#moves.close()
    await closeResource(this.#resource)
  }

  /** Until nothing runs or moves, or the time is over. */
  async #untilQuiet(timeoutMs?: number): Promise<void> {
    let over = false
    const cancelTimer =
      timeoutMs === undefined
        ? () => {}
        : this.#with.clock.after(timeoutMs, () => {
            over = true
            this.#quiet()
          })
    while (!over && (this.#running > 0 || this.#moves.pending > 0)) {
      await new Promise<void>((resolve) => {
        this.#quiet = resolve
      })
    }
    cancelTimer()
  }

  /** Tells handlers that run to give up. What fails from now on is handed back and costs no attempt, unless it is dropped. */
  abortHandlers(): void {
    const reason = new Error('the drain deadline nears')
    this.#abort.abort(reason)
    this.#handlers.abort(reason)
  }

  #received(message: RawDelivery): void {
    const { clock, instruments } = this.#with
    this.#turnedAtMs = clock.monotonic()
    if (message.timestamp !== undefined && failedAttempts(message.headers) === 0) {
      // n.b. clocks of two machines differ: a message can seem to come from the future.
      instruments.record('kedafn.message.age', Math.max(0, clock.now() - message.timestamp) / 1000)
    }
    instruments.add('messages')
    const jobs = jobsOf(message, this.#reading)
    this.#settlement.begin(message, jobs)
    if (this.#draining || this.#quota.used) {
      // It was on its way while the consumer was cancelled.
      if (this.#with.spec.order === undefined) this.#settlement.handBack(jobs)
    } else {
      for (const job of jobs) {
        if (job.unreadable) this.#moves.moveAll([[job, job.unreadable]])
        else this.#take(job)
      }
      this.#quota.take()
      // n.b. Left to the drain, the next delivery would come and go back, which some brokers count.
      if (this.#quota.used) void this.#consumer.cancel()
    }
  }

  /** To the queue: messages as they came, and what came in one message with something that is done as messages of their own. */
  #giveBack(jobs: readonly Job[]): void {
    const { whole, parts } = byMessage(jobs)
    this.#settlement.handBack(whole)
    // In an ordered queue it stays where it is until the channel closes.
    if (this.#with.spec.order === undefined) for (const job of parts) this.#moves.giveBack(job)
  }

  /** Something was settled. */
  #ended(): void {
    this.#quiet()
    this.#quota.watch()
  }

  #take(job: Job): void {
    // An ordered queue keeps its order whatever happens: nothing is taken out of its place.
    const what = this.#with.spec.order === undefined ? triage(job.delivery.headers, this.#sessionsLost) : 'handle'
    if (what === 'mark') this.#moves.mark(job)
    else if (what === 'dead') {
      const cause = `the process died ${crashesOfSuspect} times while it handled nothing but this delivery`
      const { attempt } = job.delivery
      this.#moves.moveAll([[job, { kind: 'dead', failed: attempt, code: 'FN_CRASH_LOOP', cause }]])
    } else {
      if (what === 'alone') this.#suspects.push(job)
      else this.#batcher.push(job, this.#turnedAtMs)
      this.#pumpSoon()
    }
  }

  /** What has not begun is forgotten, for it comes again; what runs goes on and is settled into the void. */
  #lost(source: DeliverySource): void {
    this.#sessionsLost++
    this.#notBegun()
    this.#settlement.lost(source)
    this.#moves.lost()
    this.#quiet()
  }

  /** Takes out everything that is in no handler. */
  #notBegun(): Job[] {
    return [...this.#suspects.splice(0), ...this.#inPlace.clear(), ...this.#repeats.clear(), ...this.#batcher.clear()]
  }

  /** Once for all that one read of the socket brings, so that it makes one batch. */
  #pumpSoon(): void {
    if (this.#pumpDue) return
    this.#pumpDue = true
    const pump = () => {
      this.#pumpDue = false
      this.#pump()
    }
    const { clock } = this.#with
    if (clock.monotonic() - this.#turnedAtMs < turnAfterMs) queueMicrotask(pump)
    else {
      clock.after(0, () => {
        this.#turnedAtMs = clock.monotonic()
        pump()
      })
    }
  }

  #pump(): void {
    const { clock, config } = this.#with
    this.#cancelTimer()
    if (this.#suspects.length > 0 || this.#alone) {
      if (this.#running > 0) return
      this.#alone = true
      void this.#run(this.#suspects.splice(0, 1))
      return
    }
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

  async #run(taken: readonly Job[]): Promise<void> {
    const { fresh: jobs, repeats } = this.#repeats.begin(taken)
    if (repeats.length > 0) this.#settlement.ack(repeats, 'repeated')
    this.#running++
    if (jobs.length > 0) await this.#handle(jobs)
    else this.#batcher.release(taken)
    this.#running--
    this.#alone = false
    const waited = this.#repeats.end(jobs)
    if (this.#draining) this.#giveBack(waited)
    else this.#batcher.putBack(waited)
    this.#pumpSoon()
    this.#ended()
  }

  async #handle(jobs: readonly Job[]): Promise<void> {
    const { clock, instruments, config } = this.#with
    const batch = jobs.map((job) => job.delivery)
    const span = processSpan(this.#with.tracer ?? null, jobs, config)
    const log = tracedLog(this.#with.log, jobs, span)
    const begun = clock.monotonic()
    // A copy: whatever a handler does to its list, the verdicts must match the jobs.
    const { result, through } = this.#handlers.run([...batch], this.#resource, log)
    const ended = await result
    const errorType = errorTypeOf(ended)
    span?.end(errorType)
    instruments.record('kedafn.batch.size', batch.length)
    instruments.record('messaging.process.duration', (clock.monotonic() - begun) / 1000, errorType)
    this.#settle(jobs, verdictsOf(batch, ended, config, clock.now()))
    await through
  }

  #settle(jobs: readonly Job[], verdicts: readonly Verdict[]): void {
    const done: Job[] = []
    const toldToStop: Job[] = []
    const moves: [Job, Move][] = []
    const again: [Job, Retrial][] = []
    const { order } = this.#with.spec
    jobs.forEach((job, index) => {
      const verdict = verdicts[index] as Verdict
      if (verdict.kind === 'ack') done.push(job)
      else if (this.#draining && verdict.kind === 'retry' && order) toldToStop.push(job)
      else if (this.#handlers.aborted && verdict.code !== 'FN_DROPPED') toldToStop.push(job)
      else if (verdict.kind === 'retry' && order) {
        // What a lost source delivered comes again by itself.
        if (job.raw.source.alive) again.push([job, verdict])
      } else moves.push([job, verdict])
    })
    this.#settlement.ack(done, 'acked')
    this.#repeats.done(done)
    // In an ordered queue it stays where it is until the channel closes.
    if (order === undefined) this.#giveBack(toldToStop)
    if (moves.length > 0) this.#moves.moveAll(moves)
    if (again.length === 0) this.#batcher.release(jobs)
    else this.#inPlace.wait(jobs, again)
  }
}
