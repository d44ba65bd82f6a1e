import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'
import type { Shown, StartEvent } from './shown.ts'
import { ChangeKeeper, type Snapshot, statusLine } from './status.ts'

export interface ScreenOptions {
  readonly out: NodeJS.WritableStream
  readonly err: NodeJS.WritableStream
  /** A terminal that can rewrite its last line; null: lines only. */
  readonly terminal: WriteStream | null
  readonly colour: boolean
  /** ms, never goes back. */
  now(): number
}

const clearLine = '\r\u001b[2K'

/** What a person sees: lines, and below them on a terminal one status line that is rewritten in place. */
export class Screen implements Shown {
  readonly #options: ScreenOptions
  readonly #changes = new ChangeKeeper()
  #status = ''

  constructor(options: ScreenOptions) {
    this.#options = options
  }

  say(text: string): void {
    this.#above(() => this.#options.out.write(`${text}\n`))
  }

  event(_event: StartEvent, lines: readonly string[]): void {
    for (const line of lines) this.say(line)
  }

  warn(text: string): void {
    const { err, colour } = this.#options
    const shown = colour ? styleText('yellow', text, { validateStream: false }) : text
    this.#above(() => err.write(`${shown}\n`))
  }

  error(text: string): void {
    const { err, colour } = this.#options
    const shown = colour ? styleText('red', text, { validateStream: false }) : text
    this.#above(() => err.write(`${shown}\n`))
  }

  status(snapshot: Snapshot): void {
    const { terminal, colour, out, now } = this.#options
    if (!terminal) {
      const changed = this.#changes.offer(snapshot, now())
      if (changed) out.write(`${plainLine(changed)}\n`)
      return
    }
    // n.b. a full last column makes some terminals wrap.
    const line = statusLine(snapshot, { columns: Math.max(1, (terminal.columns || 80) - 1), colour })
    if (line === this.#status) return
    this.#status = line
    terminal.write(`${clearLine}${line}`)
  }

  /** Leaves the last status standing and begins a new line. */
  endStatus(): void {
    const { terminal, out, now } = this.#options
    const last = this.#changes.flush(now())
    if (!terminal && last) out.write(`${plainLine(last)}\n`)
    if (terminal && this.#status !== '') terminal.write('\n')
    this.#status = ''
  }

  #above(print: () => void): void {
    const { terminal } = this.#options
    if (terminal && this.#status !== '') terminal.write(clearLine)
    print()
    if (terminal && this.#status !== '') terminal.write(this.#status)
  }
}

const plainLine = (snapshot: Snapshot): string =>
  statusLine(snapshot, { columns: Number.POSITIVE_INFINITY, colour: false })
