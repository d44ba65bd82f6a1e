import { join } from 'node:path'
import type { Environment } from '../runtime/core/config.ts'
import { noCounters } from '../runtime/core/counters.ts'
import type { Counters } from '../runtime/ports.ts'
import { requestedMilli } from '../tooling/resources.ts'
import type { Population } from './autoscaler/autoscaler.ts'
import { Deployment, type FunctionStatus, type PodStatus } from './deployment.ts'
import { LogTail } from './log-tail.ts'
import { type BackOff, Member } from './member.ts'
import type { Plan } from './plan.ts'
import { podNames } from './pod-name.ts'
import { isReady } from './probe.ts'
import { type Exit, FunctionProcess, sum } from './process.ts'
import { traceToSources } from './trace.ts'
import { cpuUsage } from './usage.ts'

export interface FleetOptions {
  readonly plans: readonly Plan[]
  /** How many processes a consumer begins with, and whether that changes. A consumer that is not named has one. */
  readonly sizes: ReadonlyMap<string, FleetSize>
  /** Where the processes run: relative paths of functions that have files of their own. */
  readonly root: string
  /** Where the bundles are. */
  readonly dist: string
  /** The variables by which functions reach the broker. */
  readonly brokerEnv: Environment
  readonly once: boolean
  readonly backOff: BackOff
  /** Of every process by its name; it is kept as they come and go. */
  readonly tails: Map<string, LogTail>
  logPathOf(name: string): string
  after(ms: number, fn: () => void): () => void
  /** ms since an arbitrary moment. */
  now(): number
  /** ms since 1970. */
  wallClock(): number
  /** One line for the person at the terminal. */
  warn(text: string): void
}

export interface FleetSize {
  readonly first: number
  readonly scaled: boolean
}

/** A function cannot run; nothing else should then. */
export class FleetFailure extends Error {
  readonly exitCode: 1 | 2

  constructor(message: string, exitCode: 1 | 2) {
    super(message)
    this.exitCode = exitCode
  }
}

/** Crashes in a row, without any progress, after which a run that is to end by itself gives a function up. */
const crashLimit = 5
/** Consumers that are not up by then do not hold the producers back any longer. */
const readyTimeoutMs = 15_000
/** The last lines of a process that is gone are read before its log is left alone. */
const lastReadMs = 1000

/** All functions as processes: each producer one, each consumer a Deployment of 0 to N. */
export class Fleet {
  /** Rejects when a function is given up. */
  readonly failed: Promise<never>
  readonly #options: FleetOptions
  readonly #producers: readonly Member[]
  readonly #deployments: readonly Deployment[]
  #fail: (failure: FleetFailure) => void = () => {}
  #readyCheck: () => void = () => {}
  #stopping = false
  #slowedMs = 0

  constructor(options: FleetOptions) {
    this.#options = options
    this.failed = new Promise((_resolve, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => {})
    const of = (kind: Plan['kind']) => options.plans.filter((plan) => plan.kind === kind)
    this.#producers = of('producer').map((plan) => this.#member(plan, plan.name))
    this.#deployments = of('consumer').map((plan) => this.#deployment(plan))
  }

  get statuses(): readonly { readonly plan: Plan; readonly status: FunctionStatus }[] {
    return [...this.#producers, ...this.#deployments].map(({ plan, status }) => ({ plan, status }))
  }

  /** Every process there is. */
  get processes(): readonly { readonly plan: Plan; readonly pod: PodStatus }[] {
    const producers = this.#producers.map(({ plan, status, pid }) => {
      const ready = status.state === 'running'
      return { plan, pod: { ...status, name: plan.name, ready, draining: false, pid, createdMs: 0 } }
    })
    return [...producers, ...this.#deployments.flatMap(({ plan, pods }) => pods.map((pod) => ({ plan, pod })))]
  }

  /** The sum of some functions' counters. */
  totals(filter: (plan: Plan) => boolean): Counters {
    const counted = this.statuses.filter(({ plan }) => filter(plan))
    return counted.reduce((total, { status }) => sum(total, status.counters), noCounters)
  }

  population(target: string): Population {
    return this.#deployments.find(({ plan }) => plan.name === target)?.population ?? { replicas: 0, pods: [] }
  }

  setReplicas(target: string, replicas: number): void {
    if (this.#stopping) return
    this.#deployments.find(({ plan }) => plan.name === target)?.scale(replicas)
  }

  /** Resolves when every consumer takes deliveries that is to: then every queue stands that producers fan out to. */
  startConsumers(): Promise<void> {
    this.#stopping = false
    for (const deployment of this.#deployments) deployment.scale(this.#sizeOf(deployment.plan).first)
    return new Promise((resolve) => {
      const done = () => {
        this.#readyCheck = () => {}
        cancel()
        resolve()
      }
      const cancel = this.#options.after(readyTimeoutMs, done)
      this.#readyCheck = () => {
        if (this.#deployments.every(({ running }) => running)) done()
      }
      this.#readyCheck()
    })
  }

  startProducers(): void {
    for (const member of this.#producers) member.start()
  }

  /** Settles when every producer has sent all of its input. */
  async producersFinished(): Promise<void> {
    await Promise.all(this.#producers.map((member) => member.finished))
  }

  /** Drains them. @returns the names of those that did not end well */
  async stop(kind: Plan['kind']): Promise<readonly string[]> {
    this.#stopping = true
    const stopped: readonly (Member | Deployment)[] = kind === 'producer' ? this.#producers : this.#deployments
    const ends = await Promise.all(stopped.map(async (one) => ((await one.stop()) ? [] : [one.plan.name])))
    return ends.flat()
  }

  /** Ends one process at once, as an accident would. @returns false if there is none of this name */
  crash(name: string): boolean {
    const producer = this.#producers.find(({ plan, pid }) => plan.name === name && pid !== null)
    producer?.crash()
    return producer !== undefined || this.#deployments.some((deployment) => deployment.crash(name))
  }

  /** Brings processes of the bundle as it is now, and drains those of the one before. */
  roll(name: string): void {
    if (this.#stopping) return
    this.#deployments.find(({ plan }) => plan.name === name)?.roll()
    const producer = this.#producers.find(({ plan }) => plan.name === name)
    // One at a time, as its Deployment's strategy is Recreate.
    void producer?.stop().then(() => this.#stopping || producer.start())
  }

  /** Makes every handler take so much longer for each message, in ms, from now on. */
  slow(slowedMs: number): void {
    this.#slowedMs = slowedMs
    for (const deployment of this.#deployments) deployment.tell({ slowedMs })
  }

  /** Ends the run for a reason that is none of a function's. */
  giveUp(why: string): void {
    this.#fail(new FleetFailure(why, 1))
  }

  /** Ends every process at once. */
  kill(): void {
    for (const one of [...this.#producers, ...this.#deployments]) one.kill()
  }

  #sizeOf({ name }: Plan): FleetSize {
    return this.#options.sizes.get(name) ?? { first: 1, scaled: false }
  }

  #deployment(plan: Plan): Deployment {
    const { after, wallClock, tails } = this.#options
    const { scaled } = this.#sizeOf(plan)
    const probed = scaled && plan.env.KEDAFN_METRICS !== 'off'
    return new Deployment({
      plan,
      // A function that is one process, always, needs no second name.
      podName: scaled ? podNames(plan.name) : () => plan.name,
      member: (name) => this.#member(plan, name),
      gone: (name) => {
        if (scaled) after(lastReadMs, () => tails.delete(name))
      },
      probe: probed ? isReady : null,
      maxSurge: scaled ? 1 : 0,
      after,
      now: wallClock,
      requestedMilli,
      usedMilli: cpuUsage(),
    })
  }

  #member(plan: Plan, name: string): Member {
    const { root, brokerEnv, once, backOff, logPathOf, after, now, tails } = this.#options
    if (!tails.has(name)) tails.set(name, new LogTail(name, logPathOf(name)))
    return new Member({
      plan,
      endsByItself: once && plan.kind === 'producer',
      crashLimit: once ? crashLimit : null,
      backOff,
      after,
      now,
      launch: (reported) =>
        new FunctionProcess({
          path: this.#bundleOf(plan),
          cwd: root,
          env: { ...plan.env, ...brokerEnv, POD_NAME: name, KEDAFN_SLOWED_MS: String(this.#slowedMs) },
          logPath: logPathOf(name),
          reported,
        }),
      changed: () => this.#readyCheck(),
      crashed: (exit, delayMs) => this.#crashed(plan, name, exit, delayMs),
    })
  }

  #crashed(plan: Plan, name: string, exit: Exit, delayMs: number | null): void {
    const tail = this.#options.tails.get(name)
    for (const { text } of tail?.read(this.#options.now()) ?? []) this.#options.warn(`${name}: ${text}`)
    const printed = traceToSources(tail?.takeOthers() ?? [], this.#bundleOf(plan), this.#options.root)
    const what = [`${name} ended ${howOf(exit)}`, ...printed].join('\n  ')
    if (delayMs !== null) {
      this.#options.warn(`${what}\n  it starts again ${delayMs === 0 ? 'at once' : `in ${delayMs / 1000} s`}`)
      return
    }
    const log = this.#options.logPathOf(name)
    this.#fail(new FleetFailure(`${what}\n  it is given up; its log is ${log}`, exit.code === 2 ? 2 : 1))
  }

  #bundleOf({ name }: Plan): string {
    return join(this.#options.dist, name, 'function.cjs')
  }
}

function howOf({ code, signal, error }: Exit): string {
  if (error) return `before it began: ${error.message}`
  return signal === null ? `with exit code ${code}` : `by ${signal}`
}
