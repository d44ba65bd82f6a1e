import { UsageError } from '../arguments.ts'

/** Numbers in [0, 1), the same for the same seed: xorshift32 (Marsaglia 2003). */
export function seededRandom(seed: number): () => number {
  let state = (Math.imul(seed, 2_654_435_761) ^ 0x9e3779b9) | 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

/** A duration that may differ each time, ms. */
export type Duration = (random: () => number) => number

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 }
/** The 99th percentile of the standard normal distribution. */
const z99 = 2.326_347_874

/** `50ms`, `2s`, `1m`. @throws UsageError naming the option */
export function parseMs(option: string, text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(text) ?? []
  if (number !== '') return Number(number) * (units[unit] ?? 1)
  throw new UsageError(`${option} is ${JSON.stringify(text)}; expected a duration such as 50ms, 2s or 1m`)
}

/**
 * `50ms` always, `exponential:50ms` by its mean, `uniform:10ms,90ms`, `lognormal:50ms,400ms` by median and 99th percentile.
 * @throws UsageError naming the option
 */
export function parseDuration(option: string, text: string): Duration {
  const [, kind = 'constant', rest = ''] = /^(?:([a-z]+):)?(.*)$/.exec(text) ?? []
  const [a = 0, b = 0] = rest.split(',').map((part) => parseMs(option, part))
  switch (kind) {
    case 'constant':
      return () => a
    case 'exponential':
      return (random) => -Math.log(1 - random()) * a
    case 'uniform':
      return (random) => a + (b - a) * random()
    case 'lognormal': {
      const sigma = Math.log(b / a) / z99
      return (random) => {
        const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
        return a * Math.exp(sigma * normal)
      }
    }
    default:
      throw new UsageError(
        `${option} is ${JSON.stringify(text)}; expected DURATION, or one of exponential:, uniform: and lognormal: before it`,
      )
  }
}
