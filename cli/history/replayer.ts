import { replayHeaders } from '../../runtime/core/headers.ts'
import type { OutgoingMessage, Publisher } from '../../runtime/ports.ts'
import type { ReadMessage, StreamMessage } from '../broker/stream.ts'
import type { Pace } from './pace.ts'
import type { Selection } from './selection.ts'

export interface Replaying {
  readonly stream: string
  readonly into: string
  /** The first offset that is not replayed any more. */
  readonly end: number
  readonly reader: { next(): Promise<StreamMessage | null>; close(): Promise<void> }
  readonly publisher: Publisher
  readonly selection: Selection
  readonly pace: Pace
  /** The most messages that a run which dies here leaves to be repeated. */
  readonly window: number
  /** Puts on disk how far it has come. Null: nothing remembers it but this process. */
  readonly save: ((progress: Settled) => Promise<void>) | null
  readonly now: () => number
  /** Fires: what is taken is finished, and nothing more is. */
  readonly signal: AbortSignal
}

export interface Settled {
  /** All that stands before this offset is confirmed, or left out. */
  readonly next: number
  /** Messages that were confirmed. */
  readonly messages: number
}

/** A broker that confirms nothing any more must not hold up who wants to stop. */
const patienceMs = 5000

/** Publishes what is chosen of a history, and knows how far it has come. */
export class Replayer {
  readonly #with: Replaying
  #published = 0
  /** What is confirmed, and what of that is saved. */
  #confirmed: Settled
  #saved: Settled
  #isSaving = false
  /** It was told to stop, and what it had taken then is not confirmed in time. */
  #isLate = false
  #failure: { readonly error: unknown } | null = null
  #wake: () => void = () => {}

  constructor(replaying: Replaying, begin: Settled) {
    this.#with = replaying
    this.#confirmed = begin
    this.#saved = begin
    this.#published = begin.messages
  }

  /** How far it has come for good: who begins here again misses nothing. */
  get settled(): Settled {
    return this.#saved
  }

  /** Ends the run with this error, or with one that came before. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    void this.#with.reader.close()
    this.#wake()
  }

  /**
   * Replays up to the end, or until the signal fires; resolves when all that was taken is settled.
   * @param passed told of each offset when it was looked at
   */
  async run(passed: (offset: number) => void): Promise<void> {
    const { reader, publisher, signal } = this.#with
    publisher.failed.catch((error) => this.fail(error))
    const end = watch(signal, {
      stop: () => void reader.close(),
      late: () => {
        this.#isLate = true
        this.#wake()
      },
    })
    try {
      await this.#passAll(passed)
      while ((this.#confirmed.messages < this.#published && !this.#isLate) || this.#isSaving) await this.#change()
      this.#throwFailure()
    } finally {
      end()
    }
  }

  async #passAll(passed: (offset: number) => void): Promise<void> {
    const { reader, end, selection, signal } = this.#with
    for (let offset = this.#confirmed.next; offset < end && !signal.aborted; ) {
      const message = await reader.next()
      this.#throwFailure()
      if (message === null || message.offset >= end) return
      offset = message.offset + 1
      await this.#pass(message, selection.of(message))
      passed(message.offset)
    }
  }

  async #pass(message: StreamMessage, chosen: readonly ReadMessage[]): Promise<void> {
    const { pace, publisher, window, signal } = this.#with
    const next = message.offset + 1
    if (chosen.length === 0 && this.#published === this.#confirmed.messages) this.#settle({ ...this.#confirmed, next })
    for (const [index, one] of chosen.entries()) {
      await pace.turn(signal)
      while (this.#published - this.#saved.messages >= window || !publisher.hasRoom()) {
        if (this.#isLate) return
        await this.#change()
      }
      const isLast = index === chosen.length - 1
      this.#published++
      publisher.publish(this.#outgoing(message, one), () => {
        const { next: before, messages } = this.#confirmed
        this.#settle({ next: isLast ? next : before, messages: messages + 1 })
      })
    }
  }

  #outgoing(message: StreamMessage, part: ReadMessage): OutgoingMessage {
    const { stream, into, now } = this.#with
    const { messageId, body, contentType, timestamp, headers } = part
    return {
      exchange: '',
      routingKey: into,
      body,
      messageId,
      headers: replayHeaders(headers, { stream, offset: message.offset, at: now() }),
      ...(contentType === null ? {} : { contentType }),
      ...(timestamp === null ? {} : { timestamp }),
    }
  }

  #settle(confirmed: Settled): void {
    const { save } = this.#with
    this.#confirmed = confirmed
    if (!save) this.#saved = confirmed
    else if (!this.#isSaving) void this.#save(save)
    this.#wake()
  }

  /** Saves until what is confirmed is saved. */
  async #save(save: (progress: Settled) => Promise<void>): Promise<void> {
    this.#isSaving = true
    try {
      while (this.#saved !== this.#confirmed) {
        const confirmed = this.#confirmed
        await save(confirmed)
        this.#saved = confirmed
        this.#wake()
      }
    } catch (error) {
      this.fail(error)
    }
    this.#isSaving = false
    this.#wake()
  }

  /** Resolves when something was confirmed or saved. @throws the failure */
  async #change(): Promise<void> {
    this.#throwFailure()
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    this.#throwFailure()
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error
  }
}

/** Calls `stop` when the signal fires, and `late` if that has not helped for a while. @returns ends it */
function watch(signal: AbortSignal, { stop, late }: { stop: () => void; late: () => void }): () => void {
  let timer: NodeJS.Timeout | undefined
  const stopped = () => {
    stop()
    timer = setTimeout(late, patienceMs)
  }
  if (signal.aborted) stopped()
  else signal.addEventListener('abort', stopped)
  return () => {
    signal.removeEventListener('abort', stopped)
    clearTimeout(timer)
  }
}
