import { join } from 'node:path'
import { noCounters } from '../runtime/core/counters.ts'
import type { Counters } from '../runtime/ports.ts'
import type { LogTail } from './log-tail.ts'
import { Member, type MemberStatus } from './member.ts'
import type { Plan } from './plan.ts'
import { type Exit, FunctionProcess, sum } from './process.ts'
import { traceToSources } from './trace.ts'

export interface FleetOptions {
  readonly plans: readonly Plan[]
  /** Where the processes run: relative paths of functions that have files of their own. */
  readonly root: string
  /** Where the bundles are. */
  readonly dist: string
  readonly brokerUrl: string
  readonly once: boolean
  readonly tails: ReadonlyMap<string, LogTail>
  logPathOf(name: string): string
  after(ms: number, fn: () => void): () => void
  now(): number
  changed(): void
  /** One line for the person at the terminal. */
  warn(text: string): void
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

/** All functions as processes, one each. */
export class Fleet {
  /** Rejects when a function is given up. */
  readonly failed: Promise<never>
  readonly #options: FleetOptions
  readonly #members: readonly Member[]
  #fail: (failure: FleetFailure) => void = () => {}
  #readyCheck: () => void = () => {}

  constructor(options: FleetOptions) {
    this.#options = options
    this.failed = new Promise((_resolve, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => {})
    this.#members = options.plans.map((plan) => this.#member(plan))
  }

  get statuses(): readonly { readonly plan: Plan; readonly status: MemberStatus }[] {
    return this.#members.map(({ plan, status }) => ({ plan, status }))
  }

  /** The sum of some functions' counters. */
  totals(filter: (plan: Plan) => boolean): Counters {
    const counted = this.#members.filter(({ plan }) => filter(plan))
    return counted.reduce((total, { status }) => sum(total, status.counters), noCounters)
  }

  /** Resolves when every consumer takes deliveries: then every queue stands that producers fan out to. */
  startConsumers(): Promise<void> {
    const consumers = this.#of('consumer')
    for (const member of consumers) member.start()
    return new Promise((resolve) => {
      const done = () => {
        this.#readyCheck = () => {}
        cancel()
        resolve()
      }
      const cancel = this.#options.after(readyTimeoutMs, done)
      this.#readyCheck = () => {
        if (consumers.every((member) => member.status.state === 'running')) done()
      }
      this.#readyCheck()
    })
  }

  startProducers(): void {
    for (const member of this.#of('producer')) member.start()
  }

  /** Settles when every producer has sent all of its input. */
  async producersFinished(): Promise<void> {
    await Promise.all(this.#of('producer').map((member) => member.finished))
  }

  /** Drains them. @returns the names of those that did not end well */
  async stop(kind: Plan['kind']): Promise<readonly string[]> {
    const ends = await Promise.all(
      this.#of(kind).map(async (member) => ((await member.stop()) ? [] : [member.plan.name])),
    )
    return ends.flat()
  }

  /** Ends the run for a reason that is none of a function's. */
  giveUp(why: string): void {
    this.#fail(new FleetFailure(why, 1))
  }

  /** Ends every process at once. */
  kill(): void {
    for (const member of this.#members) member.kill()
  }

  #of(kind: Plan['kind']): readonly Member[] {
    return this.#members.filter(({ plan }) => plan.kind === kind)
  }

  #member(plan: Plan): Member {
    const { root, brokerUrl, once, logPathOf, after, now } = this.#options
    return new Member({
      plan,
      endsByItself: once && plan.kind === 'producer',
      crashLimit: once ? crashLimit : null,
      after,
      now,
      launch: (reported) =>
        new FunctionProcess({
          path: this.#bundleOf(plan),
          cwd: root,
          env: { ...plan.env, AMQP_URL: brokerUrl },
          logPath: logPathOf(plan.name),
          reported,
        }),
      changed: () => {
        this.#readyCheck()
        this.#options.changed()
      },
      crashed: (exit, delayMs) => this.#crashed(plan, exit, delayMs),
    })
  }

  #crashed(plan: Plan, exit: Exit, delayMs: number | null): void {
    const tail = this.#options.tails.get(plan.name)
    for (const { text } of tail?.read(this.#options.now()) ?? []) this.#options.warn(`${plan.name}: ${text}`)
    const printed = traceToSources(tail?.takeOthers() ?? [], this.#bundleOf(plan), this.#options.root)
    const what = [`${plan.name} ended ${howOf(exit)}`, ...printed].join('\n  ')
    if (delayMs !== null) {
      this.#options.warn(`${what}\n  it starts again in ${delayMs / 1000} s`)
      return
    }
    const log = this.#options.logPathOf(plan.name)
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
