import type { Io } from '../command.ts'
import { grouped } from './table.ts'

export interface ProgressOptions {
  /** What is done, in a word: `moved`. */
  readonly verb: string
  /** What is counted: `messages`. */
  readonly noun: string
  /** How many there will be; null where nobody knows. */
  readonly total: number | null
  /** With `--json` nothing is shown. */
  readonly silent: boolean
}

/** A bar is drawn at most so often, and a line without a terminal. */
const barEveryMs = 100
const lineEveryMs = 5000
const barWidth = 24
/** The rate is that of the last few seconds. */
const rateOverMs = 5000

/** How far something long has come, on stderr: a bar on a terminal, elsewhere a line every few seconds. */
export class Progress {
  readonly #io: Pick<Io, 'stderr' | 'isTerminal' | 'width' | 'now'>
  readonly #options: ProgressOptions
  readonly #begun: number
  #total: number | null
  #done = 0
  #shownAt: number
  #isDrawn = false
  #samples: { readonly at: number; readonly done: number }[]

  constructor(io: Pick<Io, 'stderr' | 'isTerminal' | 'width' | 'now'>, options: ProgressOptions) {
    this.#io = io
    this.#options = options
    this.#total = options.total
    this.#begun = io.now()
    this.#shownAt = io.isTerminal.stderr ? 0 : this.#begun
    this.#samples = [{ at: this.#begun, done: 0 }]
  }

  get done(): number {
    return this.#done
  }

  /** So many are done now, all together; and so many there will be, if that has changed. */
  update(done: number, total: number | null = this.#total): void {
    this.#done = done
    this.#total = total
    const { isTerminal, now } = this.#io
    const at = now()
    if (this.#options.silent || at - this.#shownAt < (isTerminal.stderr ? barEveryMs : lineEveryMs)) return
    this.#shownAt = at
    this.#sample(at)
    if (!isTerminal.stderr) void this.#io.stderr.write(`${this.#line(at)}\n`)
    else {
      this.#isDrawn = true
      void this.#io.stderr.write(`\r\x1b[2K${this.#bar(at).slice(0, Math.max(20, this.#io.width - 1))}`)
    }
  }

  /** Takes the bar away; what is to be said of the end is the command's. */
  end(): void {
    if (this.#isDrawn) void this.#io.stderr.write('\r\x1b[2K')
    this.#isDrawn = false
  }

  #sample(at: number): void {
    this.#samples.push({ at, done: this.#done })
    while (this.#samples.length > 2 && at - (this.#samples[1]?.at ?? at) >= rateOverMs) this.#samples.shift()
  }

  /** So many a second. */
  #rate(at: number): number {
    const [first] = this.#samples
    const [since, before] = first && at > first.at ? [at - first.at, first.done] : [Math.max(1, at - this.#begun), 0]
    return ((this.#done - before) * 1000) / since
  }

  #line(at: number): string {
    const { verb, noun } = this.#options
    const rate = this.#rate(at)
    const of = this.#total === null ? '' : ` of ${grouped(this.#total)}`
    const left = this.#total === null || rate <= 0 ? null : (this.#total - this.#done) / rate
    const time = left === null ? '' : `, ${shownSeconds(left)} left`
    return `${verb} ${grouped(this.#done)}${of} ${noun}, ${grouped(Math.round(rate))}/s${time}`
  }

  #bar(at: number): string {
    if (this.#total === null) return this.#line(at)
    const share = this.#total === 0 ? 1 : Math.min(1, this.#done / this.#total)
    const full = Math.round(share * barWidth)
    return `${'█'.repeat(full)}${'░'.repeat(barWidth - full)} ${Math.floor(share * 100)} %  ${this.#line(at)}`
  }
}

/** 5 s, 3 min 20 s, 2 h 5 min. */
export function shownSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
