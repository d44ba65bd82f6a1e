import { decide, type Turn } from '../autoscaler/decision.ts'
import { newHistory, type Reading } from '../autoscaler/history.ts'
import { firstSyncMs, type HpaPeriods, hpaPeriods, type ScaledObject } from '../autoscaler/scaled-object.ts'
import { type Duration, seededRandom } from './chance.ts'
import { Heap } from './heap.ts'
import { type Pod, SimulatedQueue } from './queue.ts'

export interface Workload {
  /** ms, sorted. */
  readonly arrivals: Float64Array
  /** For one batch, whatever its size. */
  readonly handler: Duration
  /** From the decision to a pod that consumes. */
  readonly coldStart: Duration
  readonly concurrency: number
  readonly batchSize: number
  readonly prefetch: number
  readonly graceMs: number
  /** The share of a handler's time that is work of the one core a process has: what runs beside it makes it slower. */
  readonly cpuShare: number
  /** How often the broker renews what the management tells. */
  readonly statsIntervalMs: number
  /** How old it is then. n.b. a quorum queue of RabbitMQ 3.10 has a timer of its own before that of its node. @default 0 */
  readonly statsDelayMs?: number
  /** Of the HPA controller. @default those of a stock cluster */
  readonly periods?: HpaPeriods
  readonly seed: number
}

export interface Step {
  readonly atMs: number
  readonly turn: Turn
  readonly replicas: number
  readonly reason: string
}

export interface Sample {
  readonly atMs: number
  readonly backlog: number
  readonly replicas: number
  readonly ready: number
}

export interface SimulationResult {
  readonly arrived: number
  readonly done: number
  readonly left: number
  /** ms from arrival to ack, sorted. */
  readonly latenciesMs: Float64Array
  readonly podSeconds: number
  readonly brokerPolls: number
  readonly peakReplicas: number
  readonly peakBacklog: number
  readonly steps: readonly Step[]
  readonly samples: readonly Sample[]
  readonly endMs: number
}

const sampleMs = 5000

type Event =
  | { readonly kind: 'poll' | 'sync' | 'stats' | 'sample' }
  | { readonly kind: 'told'; readonly count: number }
  | { readonly kind: 'ready' | 'grace'; readonly pod: Pod }
  | { readonly kind: 'done'; readonly pod: Pod; readonly batch: number[] }

/** Runs the trace to its end, and on until everything is handled and asleep, at most an hour longer. */
export function simulate(object: ScaledObject, work: Workload): SimulationResult {
  const run = new Run(object, work)
  return run.toEnd()
}

class Run {
  readonly #object: ScaledObject
  readonly #work: Workload
  readonly #periods: HpaPeriods
  readonly #events = new Heap<Event>()
  readonly #queue: SimulatedQueue
  readonly #random: () => number
  readonly #steps: Step[] = []
  readonly #samples: Sample[] = []
  readonly #latencies: Float64Array
  #history: ReturnType<typeof newHistory>
  #pods: Pod[] = []
  #replicas: number
  #now = 0
  #arrived = 0
  #done = 0
  #seen = 0
  #cached: readonly Reading[] = []
  #polls = 0
  #podMs = 0
  #peakReplicas = 0
  #peakBacklog = 0
  #podNumber = 0

  constructor(object: ScaledObject, work: Workload) {
    this.#object = object
    this.#work = work
    this.#periods = work.periods ?? hpaPeriods
    this.#random = seededRandom(work.seed)
    this.#history = newHistory(object, 0)
    this.#latencies = new Float64Array(work.arrivals.length)
    this.#queue = new SimulatedQueue(work, (pod) => this.#begin(pod))
    this.#replicas = object.idleReplicas ?? object.minReplicas
    this.#resize(this.#replicas)
    this.#events.push(0, { kind: 'poll' })
    this.#events.push(firstSyncMs(this.#periods), { kind: 'sync' })
    this.#events.push(work.statsIntervalMs, { kind: 'stats' })
    this.#events.push(0, { kind: 'sample' })
  }

  toEnd(): SimulationResult {
    const { arrivals } = this.#work
    const lastMs = arrivals.at(-1) ?? 0
    const resting = this.#object.idleReplicas ?? this.#object.minReplicas
    for (;;) {
      const arrivalMs = arrivals[this.#arrived] ?? Number.POSITIVE_INFINITY
      if (arrivalMs <= this.#events.next) {
        this.#now = arrivalMs
        this.#queue.add(this.#arrived++)
        continue
      }
      const at = this.#events.next
      const idle = this.#done === arrivals.length && this.#replicas <= resting && this.#pods.length <= resting
      if ((idle && this.#now >= lastMs) || at > lastMs + 3_600_000) break
      this.#now = at
      const event = this.#events.pop()
      if (event) this.#handle(event)
    }
    for (const pod of this.#pods) this.#podMs += this.#now - pod.startedMs
    return {
      arrived: this.#arrived,
      done: this.#done,
      left: this.#backlog(),
      latenciesMs: this.#latencies.slice(0, this.#done).sort(),
      podSeconds: this.#podMs / 1000,
      brokerPolls: this.#polls,
      peakReplicas: this.#peakReplicas,
      peakBacklog: this.#peakBacklog,
      steps: this.#steps,
      samples: this.#samples,
      endMs: this.#now,
    }
  }

  #backlog(): number {
    return this.#queue.ready + this.#queue.unacknowledged
  }

  #handle(event: Event): void {
    switch (event.kind) {
      case 'poll':
        this.#events.push(this.#now + this.#object.pollingIntervalMs, event)
        this.#decide('keda')
        break
      case 'sync':
        this.#events.push(this.#now + this.#periods.syncMs, event)
        this.#decide('hpa')
        break
      case 'stats':
        this.#events.push(this.#now + this.#work.statsIntervalMs, event)
        if (this.#work.statsDelayMs === undefined) this.#seen = this.#visible()
        else this.#events.push(this.#now + this.#work.statsDelayMs, { kind: 'told', count: this.#visible() })
        break
      case 'told':
        this.#seen = event.count
        break
      case 'sample':
        this.#events.push(this.#now + sampleMs, event)
        this.#sample()
        break
      case 'ready':
        if (event.pod.state === 'starting') {
          event.pod.state = 'ready'
          this.#queue.join(event.pod)
        }
        break
      case 'grace':
        if (this.#pods.includes(event.pod)) {
          this.#queue.kill(event.pod)
          this.#remove(event.pod)
        }
        break
      case 'done':
        this.#finish(event.pod, event.batch)
    }
  }

  #sample(): void {
    const backlog = this.#backlog()
    this.#peakBacklog = Math.max(this.#peakBacklog, backlog)
    const ready = this.#pods.filter((pod) => pod.state === 'ready').length
    this.#samples.push({ atMs: this.#now, backlog, replicas: this.#replicas, ready })
  }

  /** What the trigger counts, at this moment. */
  #visible(): number {
    const [trigger] = this.#object.triggers
    const all = trigger?.type === 'rabbitmq' && trigger.protocol === 'http' && !trigger.excludeUnacknowledged
    return all ? this.#backlog() : this.#queue.ready
  }

  #decide(turn: Turn): void {
    const asksNothing = this.#object.pause.all || (turn === 'hpa' && this.#replicas === 0)
    const readings = asksNothing ? this.#cached : this.#read(turn)
    const running = this.#pods.filter((pod) => pod.state !== 'draining')
    const ready = running.filter((pod) => pod.state === 'ready').length
    const observation = { nowMs: this.#now, replicas: this.#replicas, running: running.length, ready, readings }
    const { replicas, reason, history } = decide(turn, this.#history, this.#object, observation, this.#periods)
    this.#history = history
    if (replicas === this.#replicas) return
    this.#steps.push({ atMs: this.#now, turn, replicas, reason })
    this.#replicas = replicas
    this.#peakReplicas = Math.max(this.#peakReplicas, replicas)
    this.#resize(replicas)
  }

  #read(turn: Turn): readonly Reading[] {
    const readings = this.#object.triggers.map((trigger, index): Reading => {
      if (trigger.type === 'cpu') return { kind: 'failed', cause: 'cpu is not simulated' }
      const cached = turn === 'hpa' && trigger.useCachedMetrics ? this.#cached[index] : undefined
      if (cached) return cached
      this.#polls++
      return { kind: 'value', value: trigger.protocol === 'http' ? this.#seen : this.#visible() }
    })
    if (turn === 'keda') this.#cached = readings
    return readings
  }

  /** n.b. a ReplicaSet ends what is not ready first, then the newest. */
  #resize(replicas: number): void {
    const running = this.#pods.filter((pod) => pod.state !== 'draining')
    for (let count = running.length; count < replicas; count++) {
      const pod = this.#queue.newPod(this.#podNumber++, this.#now)
      this.#pods.push(pod)
      this.#events.push(this.#now + this.#work.coldStart(this.#random), { kind: 'ready', pod })
    }
    const rank = (pod: Pod): number => (pod.state === 'starting' ? 1 : 0)
    const victims = running.sort((a, b) => rank(b) - rank(a) || b.number - a.number)
    for (const pod of victims.slice(0, Math.max(0, running.length - replicas))) {
      const started = pod.state === 'ready'
      pod.state = 'draining'
      if (started) this.#queue.drain(pod)
      if (pod.busy === 0) this.#remove(pod)
      else this.#events.push(this.#now + this.#work.graceMs, { kind: 'grace', pod })
    }
  }

  #remove(pod: Pod): void {
    this.#pods = this.#pods.filter((other) => other !== pod)
    this.#podMs += this.#now - pod.startedMs
  }

  #begin(pod: Pod): void {
    while (pod.busy < this.#work.concurrency && pod.held.length > 0) {
      const batch = pod.held.splice(0, this.#work.batchSize)
      pod.busy++
      pod.running.add(batch)
      const slower = Math.max(1, pod.busy * this.#work.cpuShare)
      this.#events.push(this.#now + this.#work.handler(this.#random) * slower, { kind: 'done', pod, batch })
    }
  }

  #finish(pod: Pod, batch: number[]): void {
    // What was killed is back in the queue.
    if (!pod.running.delete(batch)) return
    pod.busy--
    for (const message of batch) this.#latencies[this.#done++] = this.#now - (this.#work.arrivals[message] ?? 0)
    this.#queue.acknowledge(pod, batch.length)
    if (pod.state === 'draining' && pod.busy === 0) this.#remove(pod)
  }
}
