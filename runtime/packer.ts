import { header } from './core/headers.ts'
import { pack, packBytes } from './core/pack.ts'
import type { OutgoingMessage } from './ports.ts'

/** A place in the source up to which a published message reaches. */
export interface Mark {
  file: string
  /** Where the next line begins, or null inside a line that is sent in parts. */
  end: number | null
  /** Lines that this message finishes. */
  lines: number
}

/**
 * Puts up to so many lines into one message: those that are there. Whoever has no more at hand calls {@link flush}, so that a lone line
 * leaves at once. What is no plain line of the queue (headers of its own, a dead letter, one too long) leaves by itself, in its place.
 */
export class Packer {
  readonly #most: number
  readonly #publish: (message: OutgoingMessage, mark: Mark) => void
  #first: OutgoingMessage | null = null
  #mark: Mark | null = null
  #lines: { readonly body: Uint8Array; readonly offset: number }[] = []
  #bytes = 0
  #mayRepeat = false

  constructor(linesPerMessage: number, publish: (message: OutgoingMessage, mark: Mark) => void) {
    this.#most = linesPerMessage
    this.#publish = publish
  }

  /** The mark of what has not left. */
  get open(): Mark | null {
    return this.#mark
  }

  /** @param offset where the line begins in its file */
  add(message: OutgoingMessage, mark: Mark, offset: number): void {
    const size = message.body.length
    if (this.#most === 1 || !isPlain(message) || size > packBytes) {
      this.flush()
      this.#publish(message, mark)
      return
    }
    if (this.#bytes + size > packBytes) this.flush()
    this.#first ??= message
    if (this.#mark) Object.assign(this.#mark, { end: mark.end, lines: this.#mark.lines + mark.lines })
    else this.#mark = mark
    this.#lines.push({ body: message.body, offset })
    this.#bytes += size
    this.#mayRepeat ||= message.headers !== undefined
    if (this.#lines.length === this.#most) this.flush()
  }

  flush(): void {
    const [first, mark, lines] = [this.#first, this.#mark, this.#lines]
    if (!first || !mark) return
    const headers = { [header.lines]: lines.length, ...(this.#mayRepeat && { [header.mayRepeat]: true }) }
    const message = lines.length === 1 ? first : { ...first, body: pack(lines), headers }
    this.#first = null
    this.#mark = null
    this.#lines = []
    this.#bytes = 0
    this.#mayRepeat = false
    this.#publish(message, mark)
  }
}

/** n.b. whether it may be a repeat is said of a whole message. */
const isPlain = ({ exchange, headers = {} }: OutgoingMessage): boolean =>
  exchange !== '' && Object.keys(headers).every((name) => name === header.mayRepeat)
