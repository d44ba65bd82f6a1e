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
  const filled = [...samples]
  if (first > 1) filled.push(...unready, ...missing)
  if (first < 1) {
    const full = (pod: Sample): number => (trigger.metricType === 'AverageValue' ? trigger.value : pod.requested)
    filled.push(...missing.map((pod) => ({ ...pod, used: full(pod) })))
  }
  const ratio = ratioOf(trigger, filled)
  const turned = (first < 1 && ratio > 1) || (first > 1 && ratio < 1)
  if (within(ratio) || turned) return stay
  const replicas = Math.ceil(ratio * filled.length)
  if ((ratio < 1 && replicas > current) || (ratio > 1 && replicas < current)) return stay
  return { replicas, reason: `${said} * ${filled.length} pods = ${replicas}` }
}

function ratioOf({ metricType, value }: CpuTrigger, samples: readonly Sample[]): number {
  const used = samples.reduce((sum, sample) => sum + sample.used, 0)
  if (metricType === 'AverageValue') return Math.trunc(used / samples.length) / value
  const requested = samples.reduce((sum, sample) => sum + sample.requested, 0)
  // n.b. Kubernetes divides whole numbers here: 99.9 % is 99 %.
  return Math.trunc((used * 100) / requested) / value
}
