import { readdirSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { LineSplitter } from '../../runtime/core/lines.ts'
import type { TestClock } from '../../runtime/doubles/clock.ts'
import { openTail, type TailOptions } from '../../runtime/files/tail.ts'
import type { Clock, Source } from '../../runtime/ports.ts'
import { systemClock } from '../../runtime/system/clock.ts'
import { RecordingLog } from './workspace.ts'

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

/** Reads the lines of a file as the producer does. */
export class Reader {
  readonly source: Source
  readonly log: RecordingLog
  readonly clock: Clock
  /** Every line so far as `file@offset text`, its bytes as Latin-1. */
  readonly lines: { readonly file: string; readonly offset: number; readonly text: string; readonly end: number }[] = []
  bytes = 0
  #splitter: LineSplitter | null = null

  constructor(source: Source, log: RecordingLog, clock: Clock) {
    this.source = source
    this.log = log
    this.clock = clock
  }

  get texts(): string[] {
    return this.lines.map(({ text }) => text)
  }

  /** Reads one chunk; false if there was none. */
  async step(signal = new AbortController().signal): Promise<boolean> {
    const chunk = await this.source.read(signal)
    if (!chunk) return false
    const { file, offset, bytes, last } = chunk
    this.bytes += bytes.length
    this.#splitter ??= new LineSplitter(offset)
    for (const part of last ? [this.#splitter.push(bytes), this.#splitter.end()] : [this.#splitter.push(bytes)]) {
      for (const piece of part) {
        if (piece.kind !== 'line') throw new Error('a line is longer than these tests expect')
        this.lines.push({ file, offset: piece.line.offset, text: latin1(piece.line.bytes), end: piece.end })
      }
    }
    if (last) this.#splitter = null
    return true
  }

  /** Reads until there are so many lines. */
  async until(count: number): Promise<string[]> {
    while (this.lines.length < count && (await this.step()));
    return this.texts
  }

  /** Reads to the end of a source that has one. */
  async all(): Promise<string[]> {
    while (await this.step());
    return this.texts
  }

  /** The checkpoint after the last line that was read. */
  checkpoint() {
    const { file, end } = this.lines.at(-1) as { file: string; end: number }
    return this.source.checkpoint(file, end)
  }
}

/** Follows a file; a rotated one counts as finished as soon as it does not grow for 5 ms. */
export async function reading(t: TestContext, path: string, options: Partial<TailOptions> = {}): Promise<Reader> {
  const log = new RecordingLog()
  const clock = options.clock ?? systemClock
  const defaults = { path, once: false, checkpoint: null, rotateGraceMs: 5 }
  const source = await openTail({ ...defaults, ...options, clock, log })
  t.after(() => source.close())
  return new Reader(source, log, clock)
}

/** Begins to read a line with a clock that stands still, and waits until nothing more can happen by itself. */
export async function stalled(t: TestContext, reader: Reader): Promise<{ line: Promise<string[]> }> {
  const line = reader.until(reader.lines.length + 1)
  await t.waitFor(
    () => {
      if ((reader.clock as TestClock).waiting === 0) throw new Error('the read does not wait')
    },
    { interval: 1, timeout: 5000 },
  )
  return { line }
}

/** Moves time on in steps of a grace time until the work is done. */
export async function ticking(t: TestContext, clock: TestClock, work: Promise<unknown>): Promise<void> {
  let done = false
  const end = () => {
    done = true
  }
  work.then(end, end)
  const step = async () => {
    await clock.tick(5)
    if (!done) throw new Error('the work is not done')
  }
  await t.waitFor(step, { interval: 1, timeout: 10_000 })
}

/** How many files this process has open. */
export const openFiles = (): number => readdirSync('/dev/fd').length
