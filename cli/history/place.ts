import { UsageError } from '../command.ts'
import { safeText } from '../output/safe.ts'

/** A place in a history as a person says it: an offset, or a time in ms since 1970. */
export type Place = { readonly offset: number } | { readonly time: number }

const unitsMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

const placeRule = 'an offset (1234), a time (2026-11-28T10:00:00Z) or how long ago (90s, 15m, 2h, 7d)'

/** @throws UsageError naming the option */
export function parsePlace(option: string, seen: string, now: number): Place {
  const text = seen.trim()
  if (/^\d{1,15}$/.test(text)) return { offset: Number(text) }
  const [, count, unit = ''] = /^(\d{1,9}(?:\.\d+)?)([smhd])$/.exec(text) ?? []
  const unitMs = unitsMs[unit]
  if (count !== undefined && unitMs !== undefined) return { time: Math.floor(now - Number(count) * unitMs) }
  // n.b. Date.parse takes all sorts of texts, such as "3": what does not look like a date is none.
  const time = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?)?\s*(Z|[+-]\d{2}:?\d{2})?$/i.test(text)
    ? Date.parse(text)
    : Number.NaN
  if (Number.isNaN(time)) throw new UsageError(`--${option} is '${safeText(seen)}'; expected ${placeRule}`)
  return { time }
}

/** So that {@link parsePlace} reads it as the same place at any time. */
export const shownPlace = (place: Place): string =>
  'offset' in place ? String(place.offset) : new Date(place.time).toISOString()
