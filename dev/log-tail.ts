import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { Repeats, readLogLine } from './log-line.ts'

export interface Alert {
  readonly function: string
  readonly level: 'warn' | 'error'
  readonly text: string
}

const chunkBytes = 64 * 1024
/** At most this much of a burst is looked at in one go; the file has all of it. */
const burstBytes = 4 * 1024 * 1024
const keptLines = 20
const recentLines = 8
const recentCharacters = 2000

/** Follows one function's log file from its end: warnings and errors are for the person at the terminal as well. */
export class LogTail {
  readonly #name: string
  readonly #path: string
  readonly #repeats = new Repeats()
  #decoder = new StringDecoder('utf8')
  #offset: number
  #rest = ''
  #others: string[] = []
  #recent: string[] = []

  constructor(name: string, path: string) {
    this.#name = name
    this.#path = path
    this.#offset = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  }

  /** The alerts among the lines that came since the last call. */
  read(now: number): readonly Alert[] {
    const lines = (this.#rest + this.#fresh()).split('\n')
    this.#rest = (lines.pop() ?? '').slice(-chunkBytes)
    if (lines.length > 0) {
      const cut = lines.slice(-recentLines).map((line) => line.slice(0, recentCharacters))
      this.#recent = [...this.#recent, ...cut].slice(-recentLines)
    }
    return lines.flatMap((line): Alert[] => {
      const read = readLogLine(line)
      if (read.kind === 'other') this.#others = [...this.#others, read.text].slice(-keptLines)
      if (read.kind !== 'alert') return []
      const held = this.#repeats.pass(read.message, now)
      if (held === null) return []
      const text = held === 0 ? read.text : `${read.text}, and ${held} more like it`
      return [{ function: this.#name, level: read.level, text }]
    })
  }

  /** The last lines of all, as they are, cut if long. */
  get recent(): readonly string[] {
    return this.#recent
  }

  /** The last lines that are no log lines, such as the stack of a crash; each is given once. */
  takeOthers(): readonly string[] {
    const others = this.#others
    this.#others = []
    return others
  }

  #fresh(): string {
    const size = statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0
    if (size < this.#offset) this.#offset = 0
    if (size === this.#offset) return ''
    if (size - this.#offset > burstBytes) this.#offset = size - burstBytes
    const file = openSync(this.#path, 'r')
    try {
      let text = ''
      const chunk = Buffer.alloc(chunkBytes)
      while (this.#offset < size) {
        const length = readSync(file, chunk, 0, Math.min(chunkBytes, size - this.#offset), this.#offset)
        if (length === 0) break
        this.#offset += length
        text += this.#decoder.write(chunk.subarray(0, length))
      }
      return text
    } finally {
      closeSync(file)
    }
  }
}
