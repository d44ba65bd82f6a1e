import { ConsumerLoop } from './consume.ts'
import { type Config, type ConsumerConfig, checkSpec, type ProducerConfig, readConfig } from './core/config.ts'
import { describe, exitCodeOf, FnError } from './core/errors.ts'
import { type Event, type State, step } from './core/lifecycle.ts'
import { abortAfterMs } from './core/scale.ts'
import { type FunctionSpec, isConsumer } from './core/spec.ts'
import { topologyOf } from './core/topology.ts'
import type { Log } from './ports.ts'
import type { Producing } from './produce.ts'
import { rabbitmq } from './rabbitmq/broker.ts'
import { systemClock as clock } from './system/clock.ts'
import { ParentReports } from './system/parent.ts'
import { onStopSignals } from './system/signals.ts'
import { countingInstruments } from './telemetry/instruments.ts'
import { JsonLog } from './telemetry/log.ts'

/** A function at work, as the composition root sees it. */
interface Work {
  /** Resolves when the work is complete by itself; a consumer's never is. Rejects with what only a person can mend. */
  readonly done: Promise<void>
  /** Resolves when everything taken is settled. */
  drain(): Promise<void>
  abortHandlers(): void
}

/** At most this many bytes of unconfirmed bodies, whatever the window. */
const windowBytes = 64 * 1024 * 1024

const write = (line: string): void => {
  process.stdout.write(line)
}

/**
 * Runs one function until it is told to stop: the composition root, called by each bundle with the function's name and its
 * default export. The only place that reads the environment and ends the process.
 */
export function run(name: string, exported: unknown): void {
  let spec: FunctionSpec
  let config: Config
  try {
    spec = checkSpec(name, exported)
    config = readConfig(name, spec, process.env)
  } catch (error) {
    process.stderr.write(`${describe(error)}\n`)
    process.exit(exitCodeOf(error))
  }
  new Process(name, config, spec).start()
}

class Process {
  readonly #name: string
  readonly #config: Config
  readonly #spec: FunctionSpec
  readonly #log: Log
  readonly #reports: ParentReports
  readonly #instruments = countingInstruments(() => this.#reports.changed())
  #state: State = 'running'
  #work: Work | null = null

  constructor(name: string, config: Config, spec: FunctionSpec) {
    this.#name = name
    this.#config = config
    this.#spec = spec
    this.#log = new JsonLog(write, clock, config.logLevel, { function: name })
    this.#reports = new ParentReports(name, clock)
    this.#reports.follow(this.#instruments)
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
    const { broker: address, topology } = this.#config
    const log = this.#log
    const connectionName = `kedafn ${this.#name}`
    return rabbitmq(
      { address, connectionName, clock, random: Math.random, log, instruments: this.#instruments },
      topology,
    )
  }

  #consumer(config: ConsumerConfig): Work {
    const spec = this.#spec
    if (!isConsumer(spec)) throw new TypeError('a consumer needs a handler')
    const loop = new ConsumerLoop({
      config,
      spec,
      broker: this.#broker(),
      clock,
      random: Math.random,
      log: this.#log,
      instruments: this.#instruments,
      onReady: () => this.#ready(),
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
    const topology = topologyOf(config.queue, config.exchange, [])
    const open = () => {
      const publisher = this.#broker().publisher({ window: config.window, windowBytes, topology })
      void publisher.ready.then(() => this.#ready())
      return { config, spec, publisher, clock, log: this.#log, instruments: this.#instruments }
    }
    const loop = await producerLoop(config, this.#log, open)
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

  #ready(): void {
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
    clock.after(abortAfterMs(graceMs), () => this.#happened('abort-due'))
    clock.after(graceMs, () => {
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
    this.#log.info('ended', { exitCode: code, ...happened })
    await this.#reports.end()
    process.exit(code)
  }
}

/** The loop over one file, or the loops over all that match a pattern. `open` connects, once there is something to read. */
async function producerLoop(config: ProducerConfig, log: Log, open: () => Omit<Producing, 'source' | 'store'>) {
  const { inputPath: path, once, checkpointPath } = config
  // Loaded when needed: a consumer does without the tail and the hashes of its fingerprints.
  const { GlobFinder, isPattern } = await import('./files/glob.ts')
  if (isPattern(path)) {
    const { ProducerLoops } = await import('./produce-all.ts')
    const finder = new GlobFinder({ pattern: path, once, checkpointPath, clock, log })
    return new ProducerLoops({ ...open(), finder })
  }
  const [{ ProducerLoop }, { openTail }, { fileCheckpointStore }] = await Promise.all([
    import('./produce.ts'),
    import('./files/tail.ts'),
    import('./files/checkpoint.ts'),
  ])
  const store = fileCheckpointStore(checkpointPath)
  const source = await openTail({ path, once, checkpoint: await store.load(), clock, log })
  return new ProducerLoop({ ...open(), source, store })
}
