import { setTimeout as delay } from 'node:timers/promises'
import type { ScaledObject } from './autoscaler/scaled-object.ts'
import type { Comparison } from './compare.ts'
import type { Fleet } from './fleet.ts'
import { Ledger, type Position } from './ledger.ts'
import type { FunctionSample, LiveEvent, LiveFacts, LiveMessage, LiveState, Sample } from './live-message.ts'
import type { LogTail } from './log-tail.ts'
import type { Plan } from './plan.ts'
import type { Depth, DepthReader } from './queue-depth.ts'
import type { ScalingEvent } from './scaling-run.ts'
import { ShownProcesses } from './shown-processes.ts'
import type { Snapshot } from './status.ts'
import { WaitingTime } from './waiting-time.ts'

export interface LiveOptions {
  readonly fleet: Fleet
  readonly plans: readonly Plan[]
  readonly objects: readonly ScaledObject[]
  readonly depths: DepthReader
  readonly tails: ReadonlyMap<string, LogTail>
  readonly facts: Omit<LiveFacts, 'functions'>
  /** Compares the files, at rest. */
  compare(): Promise<Comparison | string>
  snapshot(): Snapshot
  /** ms since 1970. */
  now(): number
}

const sampleEveryMs = 500
/** A quarter of an hour. */
const keptSamples = 1800
const keptEvents = 200
/** Every so many samples the retry queues are looked at too: they are many. */
const lookEvery = 4
/** n.b. processes report within 200 ms: a depth that is as old belongs to what they have reported. */
const reportLagMs = 150

/** What is to be seen of a run: kept for a while, and told to whoever watches. */
export class Live {
  readonly #options: LiveOptions
  readonly #samples: Sample[] = []
  readonly #events: LiveEvent[] = []
  readonly #watchers = new Set<(message: LiveMessage) => void>()
  readonly #waiting = new WaitingTime()
  readonly #timer: NodeJS.Timeout
  readonly #ledger: Ledger
  readonly #processes: ShownProcesses
  #state: LiveState = {
    ...{ paused: false, delayMs: 0, broker: 'running', networkBroken: false, verdict: null, reasons: {} },
  }
  #depths: readonly Depth[] | null = null
  #retrying: readonly Depth[] = []
  #ended = false
  /** A person did something since the last verdict. */
  #asked = false
  #ticks = 0

  constructor(options: LiveOptions) {
    this.#options = options
    this.#ledger = new Ledger(options.compare, options.facts.output)
    this.#processes = new ShownProcesses(options)
    this.#timer = setInterval(() => void this.#tick(), sampleEveryMs)
  }

  get state(): LiveState {
    return this.#state
  }

  /** @returns what ends it */
  watch(watcher: (message: LiveMessage) => void): () => void {
    watcher({ kind: 'hello', facts: this.#facts(), samples: this.#samples, events: this.#events })
    watcher({ kind: 'state', state: this.#state })
    watcher({ kind: 'processes', processes: this.#processes.look() })
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  decided({ atMs, target, turn, before, replicas, reason }: ScalingEvent): void {
    const { reasons } = this.#state
    if (reasons[target]?.[turn] !== reason) {
      this.change({ reasons: { ...reasons, [target]: { ...reasons[target], [turn]: reason } } })
    }
    if (before === replicas) return
    const who = turn === 'keda' ? 'KEDA' : 'HPA'
    this.#add({ atMs, kind: 'scale', text: `${target}: ${before} → ${replicas} by ${who}: ${reason}` })
  }

  note(kind: LiveEvent['kind'], text: string): void {
    if (kind === 'action') this.#asked = true
    this.#add({ atMs: this.#options.now(), kind, text })
  }

  change(changes: Partial<LiveState>): void {
    this.#state = { ...this.#state, ...changes }
    this.#tell({ kind: 'state', state: this.#state })
  }

  end(): void {
    this.#ended = true
    clearInterval(this.#timer)
    this.#watchers.clear()
  }

  #add(event: LiveEvent): void {
    this.#events.push(event)
    if (this.#events.length > keptEvents) this.#events.shift()
    this.#tell({ kind: 'event', event })
  }

  #tell(message: LiveMessage): void {
    for (const watcher of this.#watchers) watcher(message)
  }

  async #tick(): Promise<void> {
    this.#depths = null
    if (this.#watchers.size > 0) await this.#look()
    if (this.#ended) return
    const sample = this.#sample()
    this.#samples.push(sample)
    if (this.#samples.length > keptSamples) this.#samples.shift()
    this.#tell({ kind: 'sample', sample })
    if (this.#watchers.size > 0) await this.#check(sample)
    this.#tell({ kind: 'processes', processes: this.#processes.look() })
  }

  async #look(): Promise<void> {
    const which = this.#ticks++ % lookEvery === 0 ? 'all' : 'work'
    const depths = await this.#options.depths.read(which)
    if (which === 'all') this.#retrying = depths ?? this.#retrying
    await delay(reportLagMs)
    this.#depths = depths
  }

  async #check(sample: Sample): Promise<void> {
    const verdict = await this.#ledger.look(this.#position(sample))
    if (this.#ended || verdict?.text === this.#state.verdict?.text) return
    this.change({ verdict })
    if (verdict === null || !this.#asked) return
    this.#asked = false
    this.note(verdict.lost === 0 ? 'checked' : 'warning', verdict.text)
  }

  /** Where all lines are. */
  #position({ sent, confirmed, written, functions }: Sample): Position {
    const consumers = this.#options.plans.filter(({ kind }) => kind === 'consumer')
    const waiting =
      this.#depths === null ? null : consumers.reduce((sum, { name }) => sum + waitingIn(functions[name]), 0)
    const dead = this.#retrying.reduce((sum, depth) => sum + depth.dead, 0)
    const skipped = this.#options.fleet.totals(({ readsInput }) => readsInput).skipped
    return { sent, confirmed, written, waiting, dead, skipped }
  }

  #sample(): Sample {
    const { fleet, plans, now } = this.#options
    const { queues, sent, confirmed, written, linesPerSecond } = this.#options.snapshot()
    const atMs = now()
    const functions = Object.fromEntries(
      plans.map((plan): [string, FunctionSample] => {
        const { replicas } = fleet.population(plan.name)
        const pods = fleet.processes.filter((one) => one.plan === plan).map(({ pod }) => pod)
        const wanted = pods.filter(({ draining }) => !draining)
        const queue = plan.kind === 'consumer' ? queues.find(({ name }) => name === plan.queue) : undefined
        const status = fleet.statuses.find((one) => one.plan === plan)?.status
        return [
          plan.name,
          {
            ready: depthOf(this.#depths, plan) ?? (queue ? queue.ready : 0),
            unacked: queue?.unacked ?? 0,
            retrying: this.#retrying.find((depth) => depth.queue === plan.queue)?.retrying ?? 0,
            desired: plan.kind === 'producer' ? 1 : replicas,
            actual: wanted.length,
            readyPods: wanted.filter(({ ready }) => ready).length,
            draining: pods.length - wanted.length,
            retried: status?.counters.retried ?? 0,
            dead: status?.counters.dead ?? 0,
            restarts: status?.restarts ?? 0,
          },
        ]
      }),
    )
    const waitedMs = this.#waiting.add(atMs, confirmed, written)
    return { atMs, functions, sent, confirmed, written, linesPerSecond, waitedMs }
  }

  #facts(): LiveFacts {
    const { plans, objects, facts } = this.#options
    const functions = plans.map(({ name, kind, queue }) => {
      const object = objects.find(({ target }) => target === name)
      const trigger = object?.triggers.find(({ type }) => type === 'rabbitmq')
      const messagesPerReplica = trigger?.value ?? null
      return {
        name,
        kind,
        queue,
        scaled: object !== undefined,
        messagesPerReplica,
        maxReplicas: object?.maxReplicas ?? null,
      }
    })
    return { ...facts, functions }
  }
}

const waitingIn = (one: FunctionSample | undefined): number => (one ? (one.ready ?? 0) + one.unacked + one.retrying : 0)

const depthOf = (depths: readonly Depth[] | null, { queue }: Plan): number | null =>
  depths?.find((depth) => depth.queue === queue)?.ready ?? null
