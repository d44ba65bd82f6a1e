import { readableLine } from '../core/readable-line.ts'
import { withoutSecrets } from '../core/redaction.ts'
import type { Clock, Log, LogLevel } from '../ports.ts'

const severity: Readonly<Record<LogLevel, number>> = { debug: 10, info: 20, warn: 30, error: 40 }

export interface LogSink {
  write(line: string): void
  readonly clock: Clock
  readonly least: LogLevel
  /** For a person at a terminal instead of a program. */
  readonly readable: boolean
  /** What no text of a line may hold. */
  secrets(): readonly string[]
}

/** One line an event, in JSON: `time`, `level`, `message`, then the fields. Field names that repeat those three lose. */
export class LineLog implements Log {
  readonly #sink: LogSink
  readonly #fields: Record<string, unknown>

  constructor(sink: LogSink, fields: Record<string, unknown> = {}) {
    this.#sink = sink
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
    return new LineLog(this.#sink, { ...this.#fields, ...fields })
  }

  #log(level: LogLevel, message: string, fields?: Record<string, unknown>): void {
    const { clock, least, readable } = this.#sink
    if (severity[level] < severity[least]) return
    const head = { time: new Date(clock.now()).toISOString(), level, message }
    const json = stringify({ ...head, ...this.#fields, ...fields, ...head }, this.#sink.secrets())
    // By way of JSON, which has made something of all that a user can pass.
    this.#sink.write(`${readable ? readableLine(JSON.parse(json)) : json}\n`)
  }
}

/** JSON of anything: what a user passes as a field must never break the log. Secrets are `***` wherever a text holds them. */
function stringify(value: Record<string, unknown>, secrets: readonly string[]): string {
  const shown = (_key: string, one: unknown) => (typeof one === 'string' ? withoutSecrets(one, secrets) : plain(one))
  try {
    return JSON.stringify(value, shown)
  } catch {
    const { time, level, message } = value
    return JSON.stringify({ time, level, message, fields: 'cannot be shown as JSON' }, shown)
  }
}

function plain(value: unknown): unknown {
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
