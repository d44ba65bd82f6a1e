/** A value of an argument in the broker; null: it is not set; undefined: it is of a kind that is not told apart here. */
export type Found = string | number | boolean | null | undefined

export interface Inequivalence {
  readonly argument: string
  readonly found: Found
  /** As a person should read it. */
  readonly shown: string
}

const pattern =
  /inequivalent arg '([^']+)' for .*?: received (.*) but current is (?:(none)|the value '(.*)' of type '(\w+)'|'(.*)')"?$/s

const numbers = /^(un)?signed\w*$|^(byte|short|long|double|float)$|^short(un)?signed\w*$|^\w*int$/

/**
 * What the broker says (406) of the first argument that differs between a declaration and what stands. Null for other words.
 * n.b. Without a type both values have the same one, hence `expected`.
 */
export function readInequivalence(words: string, expected: (argument: string) => unknown): Inequivalence | null {
  const [match, argument = '', , none, typed, type = '', plain = ''] = pattern.exec(words) ?? []
  if (match === undefined) return null
  if (none !== undefined) return { argument, found: null, shown: 'none' }
  const shown = typed ?? plain
  return { argument, shown, found: typed === undefined ? alike(shown, expected(argument)) : ofType(shown, type) }
}

function alike(value: string, expected: unknown): Found {
  if (typeof expected === 'number') return Number(value)
  if (typeof expected === 'boolean') return value === 'true'
  return typeof expected === 'string' ? value : undefined
}

function ofType(value: string, type: string): Found {
  if (type === 'longstr') return value
  if (type === 'bool') return value === 'true'
  return numbers.test(type) ? Number(value) : undefined
}
