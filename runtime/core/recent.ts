import { unpack } from './pack.ts'

interface Packed {
  readonly id: string
  readonly body: Uint8Array
  readonly lines: number
}

interface Generation {
  readonly ids: string[]
  readonly samples: number[]
  /** The sample of each id, of the first so many. */
  readonly index: Map<string, number>
  indexed: number
  /** Messages of many lines that are not in the index. */
  packed: Packed[]
  length: number
}

const newGeneration = (): Generation => ({
  ids: [],
  samples: [],
  index: new Map(),
  indexed: 0,
  packed: [],
  length: 0,
})

/** Of a message with longer lines than this, on average, the body is not kept. */
const keptBytesPerLine = 256

/**
 * Remembers the deliveries of late, by id and by a look at the body: at least the last `size`, about twice as many at most. An id alone
 * is not enough: a file that is rewritten in place may, around a crash, give the same id to another line. Two generations take
 * turns, and neither is indexed before somebody asks: most never are, and putting a string into a map costs more than all else here.
 */
export class RecentMessages {
  readonly #size: number
  #young = newGeneration()
  #old = newGeneration()

  constructor(size: number) {
    this.#size = size
  }

  add(id: string, body: Uint8Array): void {
    this.#young.ids.push(id)
    this.#young.samples.push(sampleOf(body))
    this.#grown(1)
  }

  /**
   * All lines of a message of many, at once and for next to nothing: the message itself is kept, up to {@link keptBytesPerLine} a line.
   * @returns false if its lines are too long for that: then add each
   */
  addPacked(id: string, body: Uint8Array, lines: number): boolean {
    if (body.length > lines * keptBytesPerLine) return false
    this.#young.packed.push({ id, body, lines })
    this.#grown(lines)
    return true
  }

  #grown(by: number): void {
    this.#young.length += by
    if (this.#young.length < this.#size) return
    this.#old = this.#young
    this.#young = newGeneration()
  }

  has(id: string, body: Uint8Array): boolean {
    const sample = indexOf(this.#young).get(id) ?? indexOf(this.#old).get(id)
    return sample !== undefined && sample === sampleOf(body)
  }
}

function indexOf(generation: Generation): ReadonlyMap<string, number> {
  const { ids, samples, index } = generation
  for (; generation.indexed < ids.length; generation.indexed++) {
    index.set(ids[generation.indexed] as string, samples[generation.indexed] as number)
  }
  const { packed } = generation
  generation.packed = []
  for (const message of packed) {
    unpack(message.id, message.body, message.lines, (id, body) => index.set(id, sampleOf(body)))
  }
  return index
}

/** Bytes that are looked at, at each end. */
const sampled = 32

/** A hash of the length and of both ends of a body: FNV-1a, of 32 bit, over words of four bytes and then over what is left. */
function sampleOf(body: Uint8Array): number {
  let hash = (0x811c9dc5 ^ body.length) | 0
  const mix = (from: number, to: number) => {
    let at = from
    for (; at + 4 <= to; at += 4) {
      const word =
        (body[at] as number) |
        ((body[at + 1] as number) << 8) |
        ((body[at + 2] as number) << 16) |
        ((body[at + 3] as number) << 24)
      hash = Math.imul(hash ^ word, 0x01000193)
      // n.b. multiplying carries upwards only: without this what differs in a word's upper bits alone would soon be lost.
      hash ^= hash >>> 15
    }
    for (; at < to; at++) hash = Math.imul(hash ^ (body[at] as number), 0x01000193)
  }
  mix(0, Math.min(sampled, body.length))
  mix(Math.max(sampled, body.length - sampled), body.length)
  return hash
}
