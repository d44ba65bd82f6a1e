import { header } from '../../runtime/core/headers.ts'
import type { ReadMessage, StreamMessage } from '../broker/stream.ts'
import { partsOf } from './match.ts'
import { isIn, type Range } from './range.ts'
import { Seen } from './seen.ts'

export interface Chosen {
  /** What a body must be like; null: any. */
  readonly matches: ((body: Uint8Array) => boolean) | null
  /** Also what is a replay already. */
  readonly again: boolean
}

/** What became of the messages that were read. */
export interface Tally {
  /** Chosen: messages, and the lines in them. */
  messages: number
  lines: number
  /** Left out: of another time, a copy of one before, a replay, not like the pattern. */
  outside: number
  copies: number
  replays: number
  unmatched: number
}

/** Chooses of a history what is to be replayed, and counts. */
export class Selection {
  readonly tally: Tally = { messages: 0, lines: 0, outside: 0, copies: 0, replays: 0, unmatched: 0 }
  readonly #range: Range
  readonly #chosen: Chosen
  readonly #seen = new Seen()

  constructor(range: Range, chosen: Chosen) {
    this.#range = range
    this.#chosen = chosen
  }

  /** The messages to publish for this one: none, itself, or those of its lines that are chosen. */
  of(message: StreamMessage): readonly ReadMessage[] {
    const { tally } = this
    const { matches, again } = this.#chosen
    if (!isIn(this.#range, message)) return this.#leaveOut('outside')
    if (!again && message.headers[header.replay] !== undefined) return this.#leaveOut('replays')
    if (this.#seen.has(message)) return this.#leaveOut('copies')
    const parts = partsOf(message)
    const chosen = matches ? parts.filter(({ body }) => matches(body)) : parts
    if (chosen.length === 0) return this.#leaveOut('unmatched')
    tally.lines += chosen.length
    const messages = chosen.length === parts.length ? [message] : chosen
    tally.messages += messages.length
    return messages
  }

  #leaveOut(why: 'outside' | 'copies' | 'replays' | 'unmatched'): readonly [] {
    this.tally[why]++
    return []
  }
}
