import { decide } from '../autoscaler/decision.ts'
import { newHistory, type ScalingHistory } from '../autoscaler/history.ts'
import { hpaPeriods, type ScaledObject } from '../autoscaler/scaled-object.ts'
import { seededRandom } from './chance.ts'

export interface FluidOptions {
  readonly functions: number
  /** Of all functions together, on average. */
  readonly messagesPerSecond: number
  readonly seconds: number
  /** The k-th function gets a share of 1 / k^skew. */
  readonly skew: number
  /** The share of its time that a function gets anything, in slots of five minutes; it gets more then. */
  readonly activeShare: number
  /** Messages that one replica can do in a second. */
  readonly replicaRate: number
  readonly coldStartMs: number
  readonly seed: number
}

export interface FluidResult {
  readonly arrived: number
  readonly done: number
  readonly left: number
  readonly latencySeconds: { readonly p50: number; readonly p95: number; readonly p99: number }
  readonly podSeconds: number
  readonly brokerPolls: number
  /** The most replicas at one moment, of all functions together. */
  readonly peakReplicas: number
  /** Functions that had no replica, on average over time, as a share. */
  readonly asleepShare: number
}

const slotSeconds = 300

/**
 * A summary model: messages flow, and each second is one step. Latencies are whole seconds. Functions share nothing but the sums, so one
 * is run after the other.
 */
export function simulateFluid(object: ScaledObject, options: FluidOptions): FluidResult {
  const totals = new Totals(options.seconds)
  let weights = 0
  for (let k = 1; k <= options.functions; k++) weights += k ** -options.skew
  for (let k = 1; k <= options.functions; k++) {
    const rate = (options.messagesPerSecond * k ** -options.skew) / weights / options.activeShare
    runFunction({ object, options, rate, totals, random: seededRandom(options.seed * 1_000_003 + k) })
  }
  return totals.result(options)
}

class Totals {
  arrived = 0
  done = 0
  left = 0
  podSeconds = 0
  polls = 0
  asleepSeconds = 0
  readonly replicas: Float64Array
  /** Messages by their latency in seconds. */
  readonly latencies: Float64Array

  constructor(seconds: number) {
    this.replicas = new Float64Array(seconds)
    this.latencies = new Float64Array(seconds + 1)
  }

  result({ functions, seconds }: FluidOptions): FluidResult {
    const at = (p: number): number => {
      let sum = 0
      const index = this.latencies.findIndex((count) => {
        sum += count
        return sum >= p * this.done
      })
      return Math.max(0, index)
    }
    return {
      arrived: this.arrived,
      done: this.done,
      left: this.left,
      latencySeconds: { p50: at(0.5), p95: at(0.95), p99: at(0.99) },
      podSeconds: this.podSeconds,
      brokerPolls: this.polls,
      peakReplicas: this.replicas.reduce((most, count) => Math.max(most, count), 0),
      asleepShare: this.asleepSeconds / (functions * seconds),
    }
  }
}

interface FunctionRun {
  readonly object: ScaledObject
  readonly options: FluidOptions
  readonly rate: number
  readonly totals: Totals
  readonly random: () => number
}

function runFunction({ object, options, rate, totals, random }: FunctionRun): void {
  const { seconds, replicaRate, coldStartMs, activeShare } = options
  const coldSeconds = Math.ceil(coldStartMs / 1000)
  // Functions are not polled at the same moment.
  const phase = Math.floor(random() * 3600)
  const pollSeconds = Math.max(1, Math.round(object.pollingIntervalMs / 1000))
  const syncSeconds = hpaPeriods.syncMs / 1000
  /** What arrived in each second and is not done, from `oldest` on. */
  const pending = new Float64Array(seconds)
  const replicasAt = new Int32Array(seconds)
  let history: ScalingHistory = newHistory(object, 0)
  let [oldest, backlog, replicas, ready, active] = [0, 0, object.minReplicas, object.minReplicas, false]
  for (let second = 0; second < seconds; second++) {
    if (second % slotSeconds === 0) active = random() < activeShare
    const arrived = active ? rate : 0
    pending[second] = arrived
    backlog += arrived
    totals.arrived += arrived
    ready = Math.min(replicas, Math.max(ready, replicasAt[second - coldSeconds] ?? 0))
    let room = Math.min(backlog, ready * replicaRate)
    totals.done += room
    backlog -= room
    while (room > 0 && oldest <= second) {
      const there = pending[oldest] ?? 0
      const taken = Math.min(there, room)
      totals.latencies[second - oldest] = (totals.latencies[second - oldest] ?? 0) + taken
      pending[oldest] = there - taken
      room -= taken
      if (taken === there && oldest < second) oldest++
      else if (taken === there) break
    }
    // Rounding must not keep a function awake for a millionth of a message.
    const seen = Math.ceil(backlog - 1e-6)
    for (const turn of turnsAt(second + phase, pollSeconds, syncSeconds)) {
      if (turn === 'hpa' && replicas === 0) continue
      totals.polls++
      const count = turn === 'keda' ? Math.ceil(Math.max(seen, arrived)) : seen
      const readings = object.triggers.map(() => ({ kind: 'value', value: count }) as const)
      const observation = { nowMs: second * 1000, replicas, running: replicas, ready, readings }
      ;({ history, replicas } = decide(turn, history, object, observation))
    }
    replicasAt[second] = replicas
    totals.podSeconds += replicas
    totals.replicas[second] = (totals.replicas[second] ?? 0) + replicas
    if (replicas === 0) totals.asleepSeconds++
  }
  totals.left += backlog
}

function turnsAt(second: number, pollSeconds: number, syncSeconds: number): readonly ('keda' | 'hpa')[] {
  const polls = second % pollSeconds === 0
  const syncs = second % syncSeconds === 0
  if (polls) return syncs ? both : keda
  return syncs ? hpa : none
}

const both = ['keda', 'hpa'] as const
const keda = ['keda'] as const
const hpa = ['hpa'] as const
const none = [] as const
