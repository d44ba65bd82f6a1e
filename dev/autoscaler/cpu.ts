import type { PodUsage } from './history.ts'
import type { Proposal } from './hpa.ts'
import type { Behavior, CpuTrigger } from './scaled-object.ts'

interface Sample {
  readonly used: number
  readonly requested: number
}

/**
 * What a cpu trigger asks for. Pods without a sample count as idle on the way up and as fully used on the way down; pods that
 * are not ready do not count, but on the way up as idle.
 * @returns why it cannot say, if it cannot
 */
export function replicasForCpu(
  trigger: CpuTrigger,
  pods: readonly PodUsage[],
  current: number,
  { scaleUp, scaleDown }: Behavior,
): Proposal | string {
  const samples: Sample[] = []
  const unready: Sample[] = []
  const missing: Sample[] = []
  for (const { ready, usedMilli, requestedMilli } of pods) {
    if (usedMilli === null) missing.push({ used: 0, requested: requestedMilli })
    else if (!ready) unready.push({ used: 0, requested: requestedMilli })
    else samples.push({ used: usedMilli, requested: requestedMilli })
  }
  if (samples.length === 0) return 'no ready pod has a cpu sample'
  const within = (ratio: number): boolean => ratio >= 1 - scaleDown.tolerance && ratio <= 1 + scaleUp.tolerance
  const first = ratioOf(trigger, samples)
  const said = `cpu at ${Math.round(first * 100)} % of its target`
  const stay = { replicas: current, reason: `${said} keeps ${current}` }
  if (missing.length === 0 && (unready.length === 0 || first <= 1)) {
    // n.b. nothing is assumed of any pod here, and a count that goes the other way than the load is taken as it is.
    if (within(first)) return stay
    const replicas = Math.ceil(first * samples.length)
    return { replicas, reason: `${said} * ${samples.length} pods = ${replicas}` }
  }
  const filled = [...samples]
  if (first > 1) filled.push(...unready, ...missing)
  if (first < 1) filled.push(...missing.map((pod) => ({ ...pod, used: fullyUsed(trigger, pod) })))
  const ratio = ratioOf(trigger, filled)
  const turned = (first < 1 && ratio > 1) || (first > 1 && ratio < 1)
  if (within(ratio) || turned) return stay
  const replicas = Math.ceil(ratio * filled.length)
  if ((ratio < 1 && replicas > current) || (ratio > 1 && replicas < current)) return stay
  return { replicas, reason: `${said} * ${filled.length} pods = ${replicas}` }
}

/** What a pod without a sample counts as on the way down: the target, and of a share of the request at least all of it. */
function fullyUsed({ metricType, value }: CpuTrigger, { requested }: Sample): number {
  return metricType === 'AverageValue' ? value : Math.trunc((requested * Math.max(100, value)) / 100)
}

function ratioOf({ metricType, value }: CpuTrigger, samples: readonly Sample[]): number {
  const used = samples.reduce((sum, sample) => sum + sample.used, 0)
  if (metricType === 'AverageValue') return Math.trunc(used / samples.length) / value
  const requested = samples.reduce((sum, sample) => sum + sample.requested, 0)
  // n.b. Kubernetes divides whole numbers here: 99.9 % is 99 %.
  return Math.trunc((used * 100) / requested) / value
}
