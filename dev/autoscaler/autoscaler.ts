import type { Clock } from '../../runtime/ports.ts'
import { decide, type Turn } from './decision.ts'
import { newHistory, type PodUsage, type Reading, type ScalingHistory } from './history.ts'
import type { QueueMetrics } from './queue-metrics.ts'
import {
  accelerated,
  firstSyncMs,
  type HpaPeriods,
  hpaPeriods,
  type Pause,
  type ScaledObject,
} from './scaled-object.ts'

/** The pods of one function, as the fleet sees them. */
export interface Population {
  /** What they were last set to be. */
  readonly replicas: number
  /** Pods that exist and are not draining, ready or not. */
  readonly pods: readonly PodUsage[]
}

/** What the autoscaler needs of a fleet. */
export interface ScaledFleet {
  /** @param target the name of the Deployment */
  population(target: string): Population
  /** Called when the count changes, never for a count that stands. */
  setReplicas(target: string, replicas: number, reason: string): void
}

export interface AutoscalerOptions {
  readonly objects: readonly ScaledObject[]
  readonly metrics: QueueMetrics
  readonly fleet: ScaledFleet
  readonly clock: Clock
  /** Divides every period of KEDA and the HPA. @default 1 */
  readonly fast?: number
  /** Of the HPA controller, before they are divided. @default those of a stock cluster */
  readonly periods?: HpaPeriods
  /** Gets every decision, also those that change nothing. */
  readonly decided?: (target: string, turn: Turn, replicas: number, reason: string) => void
}

/** Polls and decides for each ScaledObject at KEDA's and the HPA's pace, until it is stopped. */
export class Autoscaler {
  readonly #options: AutoscalerOptions
  readonly #loops: readonly Loop[]
  readonly #periods: HpaPeriods
  #stopped = false
  #cancels = new Set<() => void>()

  constructor(options: AutoscalerOptions) {
    this.#options = options
    const { objects, fast = 1, clock, periods = hpaPeriods } = options
    this.#periods = { syncMs: periods.syncMs / fast, stabilizationMs: periods.stabilizationMs / fast }
    this.#loops = objects.map((object) => newLoop(accelerated(object, fast), clock.now()))
  }

  start(): void {
    const { syncMs } = this.#periods
    for (const loop of this.#loops) {
      this.#repeat(loop, 'keda', loop.object.pollingIntervalMs, 0)
      this.#repeat(loop, 'hpa', syncMs, firstSyncMs(this.#periods))
    }
  }

  /** Does what a change of the pause annotations does, at once. */
  pause(target: string, pause: Partial<Pause>): void {
    this.#change(target, (object) => ({ ...object, pause: { ...object.pause, ...pause } }))
  }

  /** Does what setting or removing the annotation `force-activation` does. */
  force(target: string, forceActivation: boolean): void {
    this.#change(target, (object) => ({ ...object, forceActivation }))
  }

  /** Nothing is asked or set any more. */
  stop(): void {
    this.#stopped = true
    for (const cancel of this.#cancels) cancel()
    this.#cancels.clear()
  }

  #change(target: string, changed: (object: ScaledObject) => ScaledObject): void {
    for (const loop of this.#loops) {
      if (loop.object.target !== target) continue
      loop.object = changed(loop.object)
      void this.#turn(loop, 'keda')
    }
  }

  #repeat(loop: Loop, turn: Turn, periodMs: number, firstMs: number): void {
    const cancel = this.#options.clock.after(firstMs, () => {
      this.#cancels.delete(cancel)
      this.#repeat(loop, turn, periodMs, periodMs)
      void this.#turn(loop, turn)
    })
    this.#cancels.add(cancel)
  }

  /** One after the other for each object: both controllers remember in one history. A poll that is late is left out. */
  async #turn(loop: Loop, turn: Turn): Promise<void> {
    if (loop.busy.has(turn)) return
    loop.busy.add(turn)
    const before = loop.last
    loop.last = before.then(() => this.#decide(loop, turn)).finally(() => loop.busy.delete(turn))
    await loop.last
  }

  async #decide(loop: Loop, turn: Turn): Promise<void> {
    const { fleet, clock, decided } = this.#options
    const { target } = loop.object
    if (this.#stopped) return
    const asksNothing = loop.object.pause.all || (turn === 'hpa' && fleet.population(target).replicas === 0)
    const readings = asksNothing ? loop.cached : await this.#read(loop, turn)
    if (this.#stopped) return
    const { replicas, pods } = fleet.population(target)
    const ready = pods.filter((pod) => pod.ready).length
    const observation = { nowMs: clock.now(), replicas, running: pods.length, ready, readings }
    const decision = decide(turn, loop.history, loop.object, observation, this.#periods)
    loop.history = decision.history
    decided?.(target, turn, decision.replicas, decision.reason)
    if (decision.replicas !== replicas) fleet.setReplicas(target, decision.replicas, decision.reason)
  }

  async #read(loop: Loop, turn: Turn): Promise<readonly Reading[]> {
    const { metrics, fleet } = this.#options
    const readings = await Promise.all(
      loop.object.triggers.map(async (trigger, index): Promise<Reading> => {
        if (trigger.type === 'cpu') return { kind: 'cpu', pods: fleet.population(loop.object.target).pods }
        const cached = turn === 'hpa' && trigger.useCachedMetrics ? loop.cached[index] : undefined
        return cached ?? metrics.read(trigger)
      }),
    )
    if (turn === 'keda') loop.cached = readings
    return readings
  }
}

interface Loop {
  object: ScaledObject
  history: ScalingHistory
  cached: readonly Reading[]
  last: Promise<void>
  readonly busy: Set<Turn>
}

const newLoop = (object: ScaledObject, nowMs: number): Loop => ({
  object,
  history: newHistory(object, nowMs),
  cached: [],
  last: Promise.resolve(),
  busy: new Set(),
})
