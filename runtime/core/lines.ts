import { text } from './codecs.ts'
import type { Line } from './spec.ts'

/** The largest body a message may have: RabbitMQ's default limit from 4.0 on. */
export const maxBodyBytes = 16 * 1024 * 1024

/** What a run of bytes splits into. Offsets count bytes in the file; `end` is where the next line begins. */
export type Piece =
  | { readonly kind: 'line'; readonly line: Line; readonly end: number }
  /**
   * A part of a line that is longer than the limit. `offset` is where the *line* begins. The last part has `end`; nothing
   * may be checkpointed inside a line.
   */
  | {
      readonly kind: 'part'
      readonly bytes: Uint8Array
      readonly offset: number
      readonly part: number
      readonly end: number | null
    }

const newline = 10
const none = new Uint8Array(0)

class ByteLine implements Line {
  readonly bytes: Uint8Array
  readonly offset: number
  #text: string | undefined

  constructor(bytes: Uint8Array, offset: number) {
    this.bytes = bytes
    this.offset = offset
  }

  get text(): string {
    this.#text ??= text.decode(this.bytes)
    return this.#text
  }
}

/**
 * Splits the bytes of one file into lines at LF; every other byte is content, CR and NUL included. Holds an unfinished
 * line until its newline comes, at most `maxLineBytes` of it: of a longer line the parts are given out as they come.
 */
export class LineSplitter {
  readonly #maxLineBytes: number
  /** Bytes of the unfinished line that were not given out. */
  #held: Uint8Array[] = []
  #heldBytes = 0
  /** Where the unfinished line begins, and where the next byte belongs. */
  #lineOffset: number
  #offset: number
  /** Parts of the unfinished line given out so far. */
  #parts = 0

  constructor(offset = 0, maxLineBytes: number = maxBodyBytes) {
    this.#lineOffset = offset
    this.#offset = offset
    this.#maxLineBytes = maxLineBytes
  }

  /** The pieces that `chunk` finishes. They share its memory, and so does what is held: it must not be written to again. */
  *push(chunk: Uint8Array): Generator<Piece> {
    let from = 0
    for (let at = chunk.indexOf(newline); at !== -1; at = chunk.indexOf(newline, from)) {
      yield* this.#hold(chunk.subarray(from, at))
      this.#offset++
      yield this.#finish()
      from = at + 1
    }
    yield* this.#hold(chunk.subarray(from))
  }

  /** The file is complete: its last line, if it has no newline. */
  *end(): Generator<Piece> {
    if (this.#offset > this.#lineOffset) yield this.#finish()
  }

  *#hold(bytes: Uint8Array): Generator<Piece> {
    this.#offset += bytes.length
    let rest = bytes
    while (this.#heldBytes + rest.length > this.#maxLineBytes) {
      const fits = this.#maxLineBytes - this.#heldBytes
      this.#held.push(rest.subarray(0, fits))
      rest = rest.subarray(fits)
      yield { kind: 'part', bytes: this.#take(), offset: this.#lineOffset, part: this.#parts++, end: null }
    }
    if (rest.length > 0) {
      this.#held.push(rest)
      this.#heldBytes += rest.length
    }
  }

  #finish(): Piece {
    const bytes = this.#take()
    const offset = this.#lineOffset
    const end = this.#offset
    const part = this.#parts
    this.#lineOffset = end
    this.#parts = 0
    return part === 0
      ? { kind: 'line', line: new ByteLine(bytes, offset), end }
      : { kind: 'part', bytes, offset, part, end }
  }

  #take(): Uint8Array {
    const [first = none, ...more] = this.#held
    this.#held = []
    this.#heldBytes = 0
    if (more.length === 0) return first
    const size = more.reduce((sum, bytes) => sum + bytes.length, first.length)
    const all = new Uint8Array(size)
    all.set(first)
    let at = first.length
    for (const bytes of more) {
      all.set(bytes, at)
      at += bytes.length
    }
    return all
  }
}
