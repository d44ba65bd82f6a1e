import type { SimulationResult } from './simulation.ts'

/** What a simulation comes to, in numbers. */
export interface Summary {
  readonly arrived: number
  readonly done: number
  readonly left: number
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number }
  readonly podSeconds: number
  readonly brokerPolls: number
  readonly peakReplicas: number
  readonly peakBacklog: number
  readonly scalings: number
  readonly simulatedSeconds: number
}

/** The value that the share `p` of all values is at or under (nearest rank); 0 of none. */
export const percentile = (sorted: Float64Array, p: number): number =>
  sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? 0

export function summaryOf(result: SimulationResult): Summary {
  const { latenciesMs: sorted } = result
  const at = (p: number): number => Math.round(percentile(sorted, p))
  return {
    arrived: result.arrived,
    done: result.done,
    left: result.left,
    latencyMs: { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) },
    podSeconds: Math.round(result.podSeconds),
    brokerPolls: result.brokerPolls,
    peakReplicas: result.peakReplicas,
    peakBacklog: result.peakBacklog,
    scalings: result.steps.length,
    simulatedSeconds: Math.round(result.endMs / 1000),
  }
}

const shownSteps = 40

/** For people: the numbers, then each change of the replicas with its reason. */
export function reportOf(result: SimulationResult): string {
  const { latencyMs, ...summary } = summaryOf(result)
  const rows: [string, string][] = [
    ['simulated', `${summary.simulatedSeconds} s`],
    ['messages', `${summary.arrived} arrived, ${summary.done} done, ${summary.left} left`],
    [
      'latency',
      (['p50', 'p95', 'p99', 'max'] as const).map((name) => `${name} ${shownMs(latencyMs[name])}`).join(', '),
    ],
    ['replicas', `${summary.peakReplicas} at most, ${summary.scalings} changes`],
    ['backlog', `${summary.peakBacklog} at most`],
    ['pod-seconds', String(summary.podSeconds)],
    ['broker polls', String(summary.brokerPolls)],
  ]
  const table = rows.map(([name, value]) => `${name.padEnd(13)} ${value}`)
  const steps = result.steps.slice(0, shownSteps).map(({ atMs, turn, replicas, reason }) => {
    return `${String(Math.round(atMs / 1000)).padStart(8)} s  ${turn.padEnd(4)} ${String(replicas).padStart(4)}  ${reason}`
  })
  const more = result.steps.length - steps.length
  if (more > 0) steps.push(`           ${more} changes more`)
  return `${[...table, '', ...steps].join('\n')}\n`
}

export const shownMs = (ms: number): string => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`)
