import type { Shown, StartEvent } from './shown.ts'
import { ChangeKeeper, type Snapshot } from './status.ts'

export interface JsonLinesOptions {
  readonly out: NodeJS.WritableStream
  readonly err: NodeJS.WritableStream
  /** ms, never goes back. */
  now(): number
  /** ms since 1970. */
  wallClock(): number
}

/** What a script reads: one event a line. What ends the run in failure stands on stderr, too. */
export class JsonLines implements Shown {
  readonly #options: JsonLinesOptions
  readonly #changes = new ChangeKeeper()

  constructor(options: JsonLinesOptions) {
    this.#options = options
  }

  say(text: string): void {
    this.#write({ event: 'note', text })
  }

  warn(text: string): void {
    this.#write({ event: 'warning', text })
  }

  error(text: string): void {
    this.#write({ event: 'error', text })
    this.#options.err.write(`${text}\n`)
  }

  event(event: StartEvent): void {
    this.#write(event)
  }

  status(snapshot: Snapshot): void {
    this.#status(this.#changes.offer(snapshot, this.#options.now()))
  }

  endStatus(): void {
    this.#status(this.#changes.flush(this.#options.now()))
  }

  #status(snapshot: Snapshot | null): void {
    if (snapshot) this.#write({ event: 'status', ...snapshot })
  }

  #write({ event, ...fields }: StartEvent): void {
    const time = new Date(this.#options.wallClock()).toISOString()
    this.#options.out.write(`${JSON.stringify({ event, time, ...fields })}\n`)
  }
}
