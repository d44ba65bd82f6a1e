/** What a line of a function's log says to a person. */
export type LogLine =
  /** A warning or an error, on one line. `message` is the part that does not vary. */
  | { readonly kind: 'alert'; readonly level: 'warn' | 'error'; readonly message: string; readonly text: string }
  /** No log line of the runtime: what the process printed otherwise, such as the stack of a crash. */
  | { readonly kind: 'other'; readonly text: string }
  | { readonly kind: 'quiet' }

const headFields = new Set(['time', 'level', 'message', 'function'])
const mostCharacters = 400

export function readLogLine(line: string): LogLine {
  const record = parse(line)
  if (!record) return { kind: 'other', text: withoutControls(line) }
  const { level } = record
  if (level !== 'warn' && level !== 'error') return { kind: 'quiet' }
  const message = String(record.message)
  const fields = Object.entries(record).filter(([name]) => !headFields.has(name))
  const shown = fields.map(([name, value]) => `${name}: ${brief(value)}`).join(', ')
  const text = printable(shown === '' ? message : `${message} (${shown})`)
  return { kind: 'alert', level, message, text }
}

function parse(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{')) return null
  try {
    const record = JSON.parse(line) as Record<string, unknown>
    return 'level' in record && 'message' in record ? record : null
  } catch {
    return null
  }
}

/** n.b. a line may quote what a user's data holds: no control character of it may reach the terminal. */
const withoutControls = (text: string): string => text.replace(/[^\P{Cc}\t]/gu, '\u{fffd}')
const printable = (text: string): string => withoutControls(text).slice(0, mostCharacters)

function brief(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'object' && value !== null && 'message' in value) return String(value.message)
  return JSON.stringify(value) ?? String(value)
}

const repeatMs = 5000

/** Lets the first of a kind through at once, and of what follows one every five seconds, with how many it stands for. */
export class Repeats {
  readonly #seen = new Map<string, { at: number; held: number }>()

  /** @returns how many were held back since the last that was let through; null: hold this one back too */
  pass(kind: string, now: number): number | null {
    const seen = this.#seen.get(kind)
    if (seen && now - seen.at < repeatMs) {
      seen.held++
      return null
    }
    this.#seen.set(kind, { at: now, held: 0 })
    return seen?.held ?? 0
  }
}
