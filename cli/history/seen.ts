import { createHash } from 'node:crypto'

/**
 * Knows the messages of late by id and content: at least the last `size`, at most twice as many. The second copy of a message
 * that was published twice is behind the first by a window and a checkpoint's lines at most. Lines that were packed otherwise
 * the second time are another message: to take it for the first would lose lines.
 */
export class Seen {
  readonly #size: number
  #young = new Set<string>()
  #old = new Set<string>()

  constructor(size = 100_000) {
    this.#size = size
  }

  /** True if it was asked for this one before. A message without id is never a copy. */
  has({ messageId, body }: { readonly messageId: string; readonly body: Uint8Array }): boolean {
    if (messageId === '') return false
    const key = `${createHash('sha1').update(body).digest('latin1')}${messageId}`
    if (this.#young.has(key) || this.#old.has(key)) return true
    this.#young.add(key)
    if (this.#young.size === this.#size) {
      this.#old = this.#young
      this.#young = new Set()
    }
    return false
  }
}
