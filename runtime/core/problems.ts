import { FnError } from './errors.ts'

/** Collects problems, so that a person sees all of them at once. */
export class Problems {
  readonly #list: string[] = []

  /** `option` names what a person can change, with its environment variable if it has one. */
  add(option: string, seen: unknown, expected: string): void {
    this.#list.push(`${option} is ${seen === undefined ? 'missing' : show(seen)}; expected ${expected}`)
  }

  unknown(option: string, seen: unknown, known: readonly string[]): void {
    this.#list.push(`${option} (${show(seen)}) is no option; known here: ${known.join(', ')}`)
  }

  /** @throws FnError with the name of the function and one line a problem, if there is any */
  throwIfAny(code: 'FN_SPEC_INVALID' | 'FN_ENV_INVALID', name: string): void {
    if (this.#list.length === 0) return
    throw new FnError(code, `${name}\n${this.#list.map((line) => `  - ${line}`).join('\n')}`)
  }
}

/** Stands for a value that must not be read: shown as `***`. */
export const redacted = Symbol('redacted')

const shownLength = 100

function show(value: unknown): string {
  if (value === redacted) return '***'
  if (typeof value === 'function') return 'a function'
  let shown: string
  try {
    shown = typeof value === 'string' || typeof value === 'object' ? `${JSON.stringify(value)}` : String(value)
  } catch {
    return 'an object that has no JSON form'
  }
  return shown.length <= shownLength ? shown : `${shown.slice(0, shownLength)}…`
}
