import { UsageError } from '../../command.ts'
import { safeText } from '../../output/safe.ts'
import type { Letter } from './letter.ts'

/** Which dead letters are meant. All that is given has to fit; of several codes or ids one. */
export interface Filter {
  readonly codes: readonly string[]
  /** Part of the cause, in any case of letters. */
  readonly cause: string | null
  readonly ids: readonly string[]
  /** Of the last failure, in ms. A letter that does not say when it failed has no age, and fits neither. */
  readonly olderThanMs: number | null
  readonly newerThanMs: number | null
}

export const filterOptions = [
  {
    name: 'code',
    type: 'list',
    placeholder: 'CODE',
    description:
      'those with this code, as dlq list shows it: FN_ATTEMPTS_EXHAUSTED, broker:delivery_limit; may be repeated',
  },
  {
    name: 'cause',
    type: 'text',
    placeholder: 'TEXT',
    description: 'those whose cause has this text in it, in any case of letters',
  },
  {
    name: 'older-than',
    type: 'text',
    placeholder: 'TIME',
    description: 'those that failed for the last time longer ago: 90s, 15m, 2h, 1h30m, 7d',
  },
  { name: 'newer-than', type: 'text', placeholder: 'TIME', description: 'those that failed since: 90s, 15m, 2h, 7d' },
  { name: 'id', type: 'list', placeholder: 'ID', description: 'the message with this id; may be repeated' },
] as const

interface Given {
  readonly code: readonly string[]
  readonly cause: string | undefined
  readonly 'older-than': string | undefined
  readonly 'newer-than': string | undefined
  readonly id: readonly string[]
}

/** @throws UsageError */
export function filterOf(given: Given): Filter {
  return {
    codes: given.code.map((code) => code.toLowerCase()),
    cause: given.cause?.toLowerCase() ?? null,
    ids: given.id,
    olderThanMs: durationOf('--older-than', given['older-than']),
    newerThanMs: durationOf('--newer-than', given['newer-than']),
  }
}

/** True if it lets every letter through. */
export const isEmpty = ({ codes, cause, ids, olderThanMs, newerThanMs }: Filter): boolean =>
  codes.length === 0 && cause === null && ids.length === 0 && olderThanMs === null && newerThanMs === null

export function fits({ codes, cause, ids, olderThanMs, newerThanMs }: Filter, letter: Letter, now: number): boolean {
  if (codes.length > 0 && !codes.includes(letter.code.toLowerCase())) return false
  if (cause !== null && !letter.cause.toLowerCase().includes(cause)) return false
  if (ids.length > 0 && !ids.includes(letter.id)) return false
  if (olderThanMs === null && newerThanMs === null) return true
  if (letter.lastFailure === null) return false
  const age = now - letter.lastFailure
  return (olderThanMs === null || age > olderThanMs) && (newerThanMs === null || age < newerThanMs)
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const shape = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/

/** @throws UsageError if it is no time */
function durationOf(option: string, value: string | undefined): number | null {
  if (value === undefined) return null
  if (!shape.test(value)) {
    throw new UsageError(
      `${option} is '${safeText(value)}'; expected a number and a unit, such as 90s, 15m, 2h, 1h30m, 7d`,
    )
  }
  const parts = value.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)
  return [...parts].reduce((sum, [, number, unit = '']) => sum + Number(number) * (unitMs[unit] ?? 0), 0)
}
