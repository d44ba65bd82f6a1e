import type { Clock, Log, LogLevel } from '../ports.ts'

const severity: Readonly<Record<LogLevel, number>> = { debug: 10, info: 20, warn: 30, error: 40 }

/** One JSON line an event: `time`, `level`, `message`, then the fields. Field names that repeat those three lose. */
export class JsonLog implements Log {
  readonly #write: (line: string) => void
  readonly #clock: Clock
  readonly #least: LogLevel
  readonly #fields: Record<string, unknown>

  constructor(write: (line: string) => void, clock: Clock, least: LogLevel, fields: Record<string, unknown> = {}) {
    this.#write = write
    this.#clock = clock
    this.#least = least
    this.#fields = fields
  }

  debug(message: string, fields?: Record<string, unknown>): void {
    this.#log('debug', message, fields)
  }
  info(message: string, fields?: Record<string, unknown>): void {
    this.#log('info', message, fields)
  }
  warn(message: string, fields?: Record<string, unknown>): void {
    this.#log('warn', message, fields)
  }
  error(message: string, fields?: Record<string, unknown>): void {
    this.#log('error', message, fields)
  }

  child(fields: Record<string, unknown>): Log {
    return new JsonLog(this.#write, this.#clock, this.#least, { ...this.#fields, ...fields })
  }

  #log(level: LogLevel, message: string, fields?: Record<string, unknown>): void {
    if (severity[level] < severity[this.#least]) return
    const head = { time: new Date(this.#clock.now()).toISOString(), level, message }
    this.#write(`${stringify({ ...head, ...this.#fields, ...fields, ...head })}\n`)
  }
}

/** JSON of anything: what a user passes as a field must never break the log. */
function stringify(value: Record<string, unknown>): string {
  try {
    return JSON.stringify(value, readable)
  } catch {
    const { time, level, message } = value
    return JSON.stringify({ time, level, message, fields: 'cannot be shown as JSON' })
  }
}

function readable(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (!(value instanceof Error)) return value
  const code = 'code' in value ? { code: value.code } : {}
  return {
    name: value.name,
    message: value.message,
    ...code,
    stack: value.stack,
    ...(value.cause ? { cause: value.cause } : {}),
  }
}
