import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { crc32 } from 'node:zlib'

/** The most bytes of {@link Prefix.recent}, and so much of either end goes into a fingerprint as such. */
export const recentBytes = 1024
/** How much is read at once to compare all of it. */
const stepBytes = 256 * 1024
/** So many marks are kept before every second one is given up. */
const maxMarks = 1024

interface Mark {
  readonly offset: number
  /** CRC-32 of everything before `offset`. */
  readonly crc: number
}

const begin: Mark = { offset: 0, crc: 0 }

/** What was read of one file, from its begin to `offset`: as much of it as tells whether a file holds it still. */
export class Prefix {
  #offset: number
  #recent: Buffer
  /** In order; the first stands at the file's begin, the last at `offset`. */
  #marks: Mark[] = [begin]

  private constructor(offset: number, recent: Buffer, crc: number) {
    this.#offset = offset
    this.#recent = recent
    if (offset > 0) this.#marks.push({ offset, crc })
  }

  /** Of a file of which nothing was read. */
  static empty(): Prefix {
    return new Prefix(0, Buffer.alloc(0), 0)
  }

  /**
   * The prefix with this fingerprint, if that is how the file begins; else null. With `whole` every byte of it counts, else
   * the first and the last KiB.
   */
  static async find(handle: FileHandle, offset: number, fingerprint: string, whole: boolean): Promise<Prefix | null> {
    const [, edges, crc] = /^([0-9a-f]{16})-([0-9a-f]{8})$/.exec(fingerprint) ?? []
    if (crc === undefined) return null
    const recent = await bytesAt(handle, Math.max(0, offset - recentBytes), offset)
    if (!recent || (await edgesOf(handle, offset)) !== edges) return null
    const expected = Number.parseInt(crc, 16)
    if (whole && (await crcOf(handle, begin, offset)) !== expected) return null
    return new Prefix(offset, recent, expected)
  }

  /** The next byte to read. */
  get offset(): number {
    return this.#offset
  }

  /** The last bytes before {@link offset}, at most a KiB. */
  get recent(): Buffer {
    return this.#recent
  }

  /** These bytes were read too. */
  add(bytes: Uint8Array): void {
    const crc = crc32(bytes, (this.#marks.at(-1) as Mark).crc)
    this.#offset += bytes.length
    const kept = Math.max(0, recentBytes - bytes.length)
    this.#recent = Buffer.concat([kept === 0 ? empty : this.#recent.subarray(-kept), bytes.subarray(-recentBytes)])
    if (this.#marks.length > maxMarks) this.#marks = this.#marks.filter((_, index) => index % 2 === 0)
    this.#marks.push({ offset: this.#offset, crc })
  }

  /** Whether a file holds the last KiB at its place. */
  async endsIn(handle: FileHandle): Promise<boolean> {
    // n.b. More may be read, and added, meanwhile.
    const recent = this.#recent
    const bytes = await bytesAt(handle, this.#offset - recent.length, this.#offset)
    return bytes?.equals(recent) ?? false
  }

  /** Whether a file begins with every byte of it. */
  async isWholeIn(handle: FileHandle): Promise<boolean> {
    const { offset, crc } = this.#marks.at(-1) as Mark
    return (await this.endsIn(handle)) && (await crcOf(handle, begin, offset)) === crc
  }

  /** A hash of what `handle` holds before `offset`; null if it does not hold any more what was read of it. */
  async fingerprint(handle: FileHandle, offset: number): Promise<string | null> {
    const edges = await edgesOf(handle, offset)
    const from = this.#marks.findLast((mark) => mark.offset <= offset) as Mark
    const crc = await crcOf(handle, from, offset)
    // Last: what was overwritten before, or while those were read, shows now.
    if (edges === null || crc === null || !(await this.endsIn(handle))) return null
    this.#forgetBefore({ offset, crc })
    return `${edges}-${hex(crc)}`
  }

  /** Later fingerprints are of later offsets, as a rule. */
  #forgetBefore(mark: Mark): void {
    if (mark.offset === 0 || mark.offset > this.#offset) return
    this.#marks = [begin, mark, ...this.#marks.filter(({ offset }) => offset > mark.offset)]
  }
}

const empty = new Uint8Array(0)
const hex = (crc: number): string => crc.toString(16).padStart(8, '0')

/** Hash of the first and the last KiB before `offset`; null if the file is shorter. */
async function edgesOf(handle: FileHandle, offset: number): Promise<string | null> {
  const head = await bytesAt(handle, 0, Math.min(recentBytes, offset))
  const tail = await bytesAt(handle, Math.max(head?.length ?? 0, offset - recentBytes), offset)
  if (!head || !tail) return null
  return createHash('sha256').update(head).update(tail).digest('hex').slice(0, 16)
}

/** CRC-32 of everything before `to`, given that of what comes before `from`; null if the file is shorter. */
async function crcOf(handle: FileHandle, from: Mark, to: number): Promise<number | null> {
  let { offset, crc } = from
  const buffer = Buffer.allocUnsafe(Math.min(stepBytes, to - offset))
  while (offset < to) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, to - offset), offset)
    if (bytesRead === 0) return null
    crc = crc32(buffer.subarray(0, bytesRead), crc)
    offset += bytesRead
  }
  return crc
}

async function bytesAt(handle: FileHandle, from: number, to: number): Promise<Buffer | null> {
  const bytes = Buffer.alloc(to - from)
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, at, bytes.length - at, from + at)
    if (bytesRead === 0) return null
    at += bytesRead
  }
  return bytes
}
