import { prefetchOf } from '../../runtime/core/scale.ts'
import { UsageError } from '../arguments.ts'
import type { ScaledObject } from '../autoscaler/scaled-object.ts'
import { parseMs } from './chance.ts'
import { percentile } from './report.ts'
import { simulate, type Workload } from './simulation.ts'

/** What is turned. */
export interface Setting {
  readonly value: number
  readonly concurrency: number
  readonly cooldownSeconds: number
  readonly max: number
}

export interface Target {
  readonly percentile: number
  readonly belowMs: number
}

export interface Trial {
  readonly setting: Setting
  readonly latencyMs: number
  readonly podSeconds: number
  /** Everything done, and under the target. */
  readonly meets: boolean
}

export interface Tuning {
  /** The cheapest that was found; null if nothing that was tried meets the target. */
  readonly best: Trial | null
  readonly trials: readonly Trial[]
}

/** Every value that is tried, ascending. */
export const choices: { readonly [K in keyof Setting]: readonly number[] } = {
  value: [5, 10, 20, 50, 100, 200, 500, 1000],
  concurrency: [1, 2, 5, 10, 20, 50],
  cooldownSeconds: [15, 30, 60, 120, 300],
  max: [1, 2, 5, 10, 20, 50],
}
const names = ['value', 'concurrency', 'cooldownSeconds', 'max'] as const

/** `p99<30s`. @throws UsageError */
export function parseTarget(text: string): Target {
  const [, number = '', duration = ''] = /^p(\d{1,2}(?:\.\d+)?)<(.+)$/.exec(text) ?? []
  if (number === '') throw new UsageError(`--tune is ${JSON.stringify(text)}; expected for instance 'p99<30s'`)
  return { percentile: Number(number) / 100, belowMs: parseMs('--tune', duration) }
}

/** Reacts most, and costs most. */
const liveliest: Setting = { value: 5, concurrency: 50, cooldownSeconds: 300, max: 50 }

/**
 * Goes downhill in pod-seconds, one option after the other, until no other value of any single option is cheaper and meets the
 * target. Begins once at what reacts most and once at what is set, so that what it finds is never worse than that. Equal arguments
 * try the same in the same order.
 */
export function tune(object: ScaledObject, work: Workload, target: Target): Tuning {
  const trials = new Map<string, Trial>()
  const tried = (setting: Setting): Trial => {
    const key = names.map((name) => setting[name]).join(' ')
    const known = trials.get(key) ?? attempt(object, work, target, setting)
    trials.set(key, known)
    return known
  }
  const [one, other] = [liveliest, settingOf(object, work)].map((start) => downhill(tried(start), tried))
  const best = one && other && isBetter(other, one) ? other : one
  return { best: best?.meets ? best : null, trials: [...trials.values()] }
}

function settingOf({ triggers, cooldownMs, maxReplicas: max }: ScaledObject, { concurrency }: Workload): Setting {
  const { value } = triggers.find(({ type }) => type === 'rabbitmq') ?? liveliest
  return { value, concurrency, cooldownSeconds: cooldownMs / 1000, max }
}

function downhill(start: Trial, tried: (setting: Setting) => Trial): Trial {
  let best = start
  for (let improved = true; improved; ) {
    improved = false
    for (const name of names) {
      for (const choice of choices[name]) {
        const trial = tried({ ...best.setting, [name]: choice })
        if (!isBetter(trial, best)) continue
        best = trial
        improved = true
      }
    }
  }
  return best
}

/** What meets the target is better than what does not; then what is cheaper, or, while nothing meets it, faster. */
function isBetter(a: Trial, b: Trial): boolean {
  if (a.meets !== b.meets) return a.meets
  return a.meets ? a.podSeconds < b.podSeconds : a.latencyMs < b.latencyMs
}

function attempt(object: ScaledObject, work: Workload, target: Target, setting: Setting): Trial {
  const result = simulate(...applied(object, work, setting))
  const latencyMs = percentile(result.latenciesMs, target.percentile)
  const meets = result.left === 0 && latencyMs < target.belowMs
  return { setting, latencyMs, podSeconds: result.podSeconds, meets }
}

export function applied(object: ScaledObject, work: Workload, setting: Setting): [ScaledObject, Workload] {
  const { value, concurrency, cooldownSeconds, max } = setting
  const triggers = object.triggers.map((trigger) => (trigger.type === 'rabbitmq' ? { ...trigger, value } : trigger))
  const maxReplicas = Math.max(max, object.minReplicas)
  return [
    { ...object, triggers, maxReplicas, cooldownMs: cooldownSeconds * 1000 },
    { ...work, concurrency, prefetch: prefetchOf(work.batchSize, concurrency) },
  ]
}
