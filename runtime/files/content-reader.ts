import type { Content } from './content.ts'
import { recentBytes } from './prefix.ts'

/** Reads what follows in a content. */
export class ContentReader {
  readonly #maxBytes: number
  #buffer: Buffer | null = null
  /** What stands before the bytes just read. */
  readonly #before = Buffer.alloc(recentBytes)

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** The bytes after what was read; null if there are none; false if the file does not hold any more what was read. */
  async read({ handle, prefix }: Content): Promise<Uint8Array | null | false> {
    const buffer = this.#buffer ?? Buffer.allocUnsafeSlow(this.#maxBytes)
    this.#buffer = buffer
    const { recent, offset } = prefix
    const before = this.#before.subarray(0, recent.length)
    // One call for both: so the bytes are known to belong to what stands before them.
    const { bytesRead } = await handle.readv([before, buffer], offset - recent.length)
    if (bytesRead < before.length) return (await handle.stat()).size < offset ? false : null
    if (!before.equals(recent)) return false
    if (bytesRead === before.length) return null
    const bytes = buffer.subarray(0, bytesRead - before.length)
    // Whoever holds a few bytes of a chunk must not hold the whole buffer, and what was given out is never written again.
    if (bytes.length * 2 < buffer.length) return new Uint8Array(bytes)
    this.#buffer = null
    return bytes
  }
}
