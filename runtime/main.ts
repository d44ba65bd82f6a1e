import { ConsumerLoop } from './consume.ts'
import { hasFiles, rereadBroker } from './core/broker-config.ts'
import {
  type BrokerConfig,
  type Config,
  type ConsumerConfig,
  checkSpec,
  type ProducerConfig,
  readConfig,
} from './core/config.ts'
import { describe, exitCodeOf, FnError } from './core/errors.ts'
import { type Event, type State, step } from './core/lifecycle.ts'
import { Measurements } from './core/measurements.ts'
import { isPattern } from './core/pattern.ts'
import { secretsOf } from './core/redaction.ts'
import { abortAfterMs } from './core/scale.ts'
import { type FunctionSpec, isConsumer } from './core/spec.ts'
import { checkpointTopology, lockQueueOf, producerTopologyOf } from './core/topology.ts'
import type { CheckpointStore, Clock, Instruments, Log, Tracer, Wrap } from './ports.ts'
import type { Producing } from './produce.ts'
import { rabbitmq } from './rabbitmq/broker.ts'
import { systemClock } from './system/clock.ts'
import { ParentReports } from './system/parent.ts'
import { ProbeServer } from './system/probe-server.ts'
import { readText } from './system/read-text.ts'
import { onStopSignals } from './system/signals.ts'
import { VitalSigns } from './system/vitals.ts'
import type { Exposition } from './telemetry/exposition.ts'
import { countingInstruments } from './telemetry/instruments.ts'
import { Lifetime } from './telemetry/lifetime.ts'
import { LineLog } from './telemetry/log.ts'

/** A function at work, as the composition root sees it. */
interface Work {
  /** Resolves when the work is complete by itself; a consumer's never is. Rejects with what only a person can mend. */
  readonly done: Promise<void>
  /** Resolves when everything taken is settled. */
  drain(): Promise<void>
  abortHandlers(): void
}

/** What a build with `--otlp` adds: it gives messages and batches their places in a trace, and sends the spans. */
export interface Spans extends Tracer {
  begin(serviceName: string): Promise<void>
  end(): Promise<void>
}
export type MakeSpans = new (clock: Clock, log: Log, ratio: number) => Spans

/** What was settled has left the process by then. */
const ackLeavesMs = 10

/** Without any work what sends spans is loaded after this long. */
const spansAfterMs = 500

/** At most this many bytes of unconfirmed bodies, whatever the window. */
const windowBytes = 64 * 1024 * 1024

const write = (line: string): void => {
  process.stdout.write(line)
}

/**
 * Runs one function until it is told to stop: the composition root, called by each bundle with the function's name and its
 * default export. The only place that reads the environment and ends the process.
 * @param wrap what a test build puts between the function and the world; a bundle has none
 * @param MakeSpans null in a build without traces
 */
export function run(
  name: string,
  exported: unknown,
  wrap: Wrap = (_port, implementation) => implementation,
  MakeSpans: MakeSpans | null = null,
): void {
  let spec: FunctionSpec
  let config: Config
  try {
    spec = checkSpec(name, exported)
    config = readConfig(name, spec, process.env, readText)
  } catch (error) {
    process.stderr.write(`${describe(error)}\n`)
    process.exit(exitCodeOf(error))
  }
  new Process(name, config, spec, { wrap, MakeSpans }).start()
}

interface Built {
  readonly wrap: Wrap
  readonly MakeSpans: MakeSpans | null
}

class Process {
  readonly #name: string
  readonly #config: Config
  #lastBroker: BrokerConfig
  #secrets: readonly string[]
  readonly #spec: FunctionSpec
  readonly #wrap: Wrap
  readonly #clock: Clock
  readonly #log: Log
  readonly #reports: ParentReports
  readonly #measurements = new Measurements()
  readonly #instruments: Instruments
  readonly #lifetime: Lifetime
  readonly #spans: Spans | null
  readonly #health: VitalSigns
  #state: State = 'running'
  #work: Work | null = null
  #probes: ProbeServer | null = null
  #worked = false
  #sending = false

  constructor(name: string, config: Config, spec: FunctionSpec, { wrap, MakeSpans }: Built) {
    this.#name = name
    this.#config = config
    this.#lastBroker = config.broker
    this.#secrets = secretsOf({ ...config, declared: spec.env ?? {} })
    this.#spec = spec
    this.#wrap = wrap
    this.#clock = wrap('clock', systemClock)
    const readable = process.stdout.isTTY === true
    const sink = { write, clock: systemClock, least: config.logLevel, readable, secrets: () => this.#secrets }
    this.#log = wrap('log', new LineLog(sink, { function: name }))
    this.#reports = new ParentReports(name, systemClock)
    this.#instruments = wrap(
      'instruments',
      countingInstruments((counters) => {
        if (counters.acked + counters.confirmed > 0) this.#firstWorkDone()
        this.#reports.changed()
      }, this.#measurements),
    )
    this.#reports.follow(this.#instruments)
    this.#lifetime = new Lifetime(this.#instruments, systemClock)
    this.#spans = config.traces && MakeSpans ? new MakeSpans(systemClock, this.#log, config.traceRatio) : null
    if (config.traces && !MakeSpans) {
      const advice = 'build with `node build.mjs --otlp`, or set OTEL_TRACES_EXPORTER=none'
      this.#log.warn('traces are asked for, and not built in: none are sent', { advice })
    }
    this.#health = new VitalSigns(systemClock, this.#log, config.reconnectBudgetMs)
  }

  start(): void {
    // A reader of our log that went away is no reason to lose a delivery.
    process.stdout.on('error', () => {})
    // The process ends by its own decision alone, never because nothing but a timer is left.
    setInterval(() => {}, 2 ** 30)
    // Handlers first: a signal while connecting must drain like any other.
    onStopSignals((signal) => {
      // A parent that goes away while we drain is no second signal.
      if (signal === 'disconnect' && this.#state !== 'running') return
      this.#log.info('told to stop', { signal })
      this.#happened('signal')
    })
    this.#begin().catch((error) => this.#failed(error))
    if (this.#spans) systemClock.after(spansAfterMs, () => this.#sendSpans())
    const { metrics, metricsHost: host, metricsPort: port } = this.#config
    if (!metrics) return
    const health = () => this.#health.answer()
    const expose = () => this.#expose()
    const listening = (opened: number) => this.#reports.probePort(opened)
    this.#probes = new ProbeServer({ host, port, health, expose, listening, clock: systemClock, log: this.#log })
  }

  #firstWorkDone(): void {
    if (this.#worked) return
    this.#worked = true
    this.#lifetime.worked()
    // n.b. the ack itself leaves some turns of the event loop later, and loading telemetry would hold it up by as much as it takes.
    systemClock.after(ackLeavesMs, () => {
      this.#probes?.firstWorkDone()
      this.#sendSpans()
    })
  }

  /** What sends spans can wait, as the port can, until the first work is done. */
  #sendSpans(): void {
    if (this.#sending) return
    this.#sending = true
    this.#spans?.begin(this.#name).catch((error) => {
      const advice = 'ship otlp.cjs beside function.cjs'
      this.#log.error('no traces: what sends them cannot be loaded', { error, advice })
    })
  }

  async #expose(): Promise<Exposition> {
    const { name, kind, queue } = this.#config
    try {
      const { expose } = await import('./telemetry/exposition.ts')
      return expose({ name, kind, queue, measurements: this.#measurements })
    } catch (error) {
      this.#log.error('no metrics: the telemetry cannot be loaded', {
        error,
        advice: 'ship telemetry.cjs beside function.cjs',
      })
      throw error
    }
  }

  async #begin(): Promise<void> {
    const config = this.#config
    const work = config.kind === 'consumer' ? this.#consumer(config) : await this.#producer(config)
    this.#work = work
    if (this.#state === 'draining') this.#drainWork(work)
    await work.done
    this.#happened('done')
  }

  #broker() {
    const { topology } = this.#config
    const log = this.#log
    const connectionName = `kedafn ${this.#name}`
    const connecting = { broker: () => this.#brokerNow(), connectionName, clock: this.#clock, random: Math.random, log }
    return this.#wrap(
      'broker',
      rabbitmq({ ...connecting, instruments: this.#instruments, health: this.#health }, topology),
    )
  }

  /** As its files say now: a Secret may have been rotated since the last connection. */
  #brokerNow(): BrokerConfig {
    if (!hasFiles(process.env)) return this.#config.broker
    try {
      this.#lastBroker = rereadBroker(this.#name, process.env, readText)
      this.#secrets = secretsOf({ ...this.#config, broker: this.#lastBroker, declared: this.#spec.env ?? {} })
    } catch (error) {
      this.#log.warn('the files of the login cannot be read; it is tried with what they held before', { error })
    }
    return this.#lastBroker
  }

  #consumer(config: ConsumerConfig): Work {
    const spec = this.#spec
    if (!isConsumer(spec)) throw new TypeError('a consumer needs a handler')
    const loop = new ConsumerLoop({
      config,
      spec,
      broker: this.#broker(),
      clock: this.#clock,
      random: Math.random,
      log: this.#log,
      instruments: this.#instruments,
      tracer: this.#spans,
      onReady: () => this.#ready(),
    })
    void loop.complete.then(() => {
      this.#log.info('the deliveries are settled, or there are none', { maxDeliveries: config.maxDeliveries })
      // A second signal would cut short the drain that runs already.
      if (this.#state === 'running') this.#happened('signal')
    })
    const started = loop.start()
    return {
      done: Promise.race([started.then(() => new Promise<never>(() => {})), loop.failed]),
      drain: () => loop.drain(),
      abortHandlers: () => loop.abortHandlers(),
    }
  }

  async #producer(config: ProducerConfig): Promise<Work> {
    const spec = this.#spec
    if (isConsumer(spec)) throw new TypeError('a producer needs a source')
    const { Checkpoints, TurnTaking } = await import('./produce-locked.ts')
    const loop = new TurnTaking(() => {
      const checkpoints = new Checkpoints()
      const { publisher, store } = this.#publisher(config, checkpoints.admit)
      void publisher.ready.then(() => this.#ready())
      const guard = (kept: CheckpointStore) => (config.lock ? checkpoints.watch(kept, kept !== store) : kept)
      const producing = {
        config,
        spec,
        publisher,
        clock: this.#clock,
        log: this.#log,
        instruments: this.#instruments,
        tracer: this.#spans,
      }
      return { publisher, begin: () => producerLoop(producing, store, guard, this.#wrap) }
    }, this.#log)
    const done = loop.run()
    return {
      done,
      drain: () => {
        loop.drain()
        return done
      },
      abortHandlers: () => {},
    }
  }

  #publisher(config: ProducerConfig, admit: () => Promise<void>) {
    const { queue, exchange, sourceName, window, queueOrdered } = config
    const checkpoint = config.checkpoint === 'broker' ? checkpointTopology(queue, sourceName) : null
    const topology = [...producerTopologyOf(queue, exchange, queueOrdered), ...(checkpoint ? [checkpoint] : [])]
    const options = { window, windowBytes, topology }
    if (!config.lock) return { publisher: this.#broker().publisher(options), store: null }
    const lock = lockQueueOf(queue, sourceName)
    return this.#broker().locked({ ...options, lock, admit, checkpointQueue: checkpoint?.name ?? null })
  }

  #ready(): void {
    this.#lifetime.ready()
    if (this.#state === 'running') this.#reports.state('running')
  }

  #failed(error: unknown): void {
    if (this.#state === 'ended') return
    const code = exitCodeOf(error)
    this.#log.error('the function cannot go on', { error })
    if (code === 2) process.stderr.write(`${describe(error)}\n`)
    this.#happened(code === 2 ? 'misconfigured' : 'fatal')
  }

  #happened(event: Event): void {
    if (this.#state === 'draining') this.#lifetime.drainSaw(event)
    const { state, commands } = step(this.#state, event)
    this.#state = state
    for (const command of commands) {
      if (command === 'drain') this.#drain()
      else if (command === 'abort-handlers') this.#work?.abortHandlers()
      else void this.#exit(command.exit)
    }
  }

  #drain(): void {
    const { graceMs } = this.#config
    this.#reports.state('draining')
    this.#health.drain()
    this.#lifetime.drain()
    this.#clock.after(abortAfterMs(graceMs), () => this.#happened('abort-due'))
    this.#clock.after(graceMs, () => {
      const error = new FnError(
        'FN_DRAIN_TIMEOUT',
        `${graceMs} ms (KEDAFN_GRACE_MS). What is unsettled goes back to the queue`,
      )
      this.#log.error('the drain did not end in time', { error })
      this.#happened('grace-over')
    })
    if (this.#work) this.#drainWork(this.#work)
  }

  #drainWork(work: Work): void {
    work.drain().then(
      () => this.#happened('done'),
      (error) => this.#failed(error),
    )
  }

  async #exit(code: number): Promise<void> {
    // Only what happened: a producer has nothing to say of deliveries, nor a consumer of lines.
    const happened = Object.fromEntries(Object.entries(this.#instruments.counters).filter(([, total]) => total > 0))
    const drainMs = this.#lifetime.drainMs
    const drain = drainMs === null ? {} : { drainMs: Math.round(drainMs), drainOutcome: this.#lifetime.drainOutcome }
    this.#log.info('ended', { exitCode: code, ...drain, ...happened })
    await Promise.all([this.#reports.end(), this.#spans?.end()])
    process.exit(code)
  }
}

/** The loop over one file, or the loops over all that match a pattern. `kept` is null if the checkpoint is kept in a file. */
async function producerLoop(
  producing: Omit<Producing, 'source' | 'store'>,
  kept: CheckpointStore | null,
  guard: (store: CheckpointStore) => CheckpointStore,
  wrap: Wrap,
) {
  const { clock, log } = producing
  const { inputPath: path, once, checkpointPath } = producing.config
  // Loaded when needed: a consumer does without the tail and the hashes of its fingerprints.
  if (isPattern(path)) {
    const [{ GlobFinder }, { ProducerLoops }] = await Promise.all([
      import('./files/glob.ts'),
      import('./produce-all.ts'),
    ])
    const finder = wrap('finder', new GlobFinder({ pattern: path, once, checkpointPath, guard, clock, log }))
    return new ProducerLoops({ ...producing, finder })
  }
  const [{ ProducerLoop }, { openTail }, { fileCheckpointStore }] = await Promise.all([
    import('./produce.ts'),
    import('./files/tail.ts'),
    import('./files/checkpoint.ts'),
  ])
  const store = guard(kept ?? wrap('store', fileCheckpointStore(checkpointPath)))
  const source = wrap('source', await openTail({ path, once, checkpoint: await store.load(), clock, log }))
  return new ProducerLoop({ ...producing, source, store })
}
