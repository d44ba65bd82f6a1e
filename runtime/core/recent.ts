/**
 * Remembers the messages of late, by id and by a look at the body: at least the last `size`, at most twice as many. An id alone
 * is not enough: a file that is rewritten in place may, around a crash, give the same id to another line. Two maps take turns, since
 * taking one out of a map for each one put in costs several times as much.
 */
export class RecentMessages {
  readonly #size: number
  #young = new Map<string, number>()
  #old = new Map<string, number>()

  constructor(size: number) {
    this.#size = size
  }

  add(id: string, body: Uint8Array): void {
    this.#young.set(id, sampleOf(body))
    if (this.#young.size < this.#size) return
    this.#old = this.#young
    this.#young = new Map()
  }

  has(id: string, body: Uint8Array): boolean {
    const sample = this.#young.get(id) ?? this.#old.get(id)
    return sample !== undefined && sample === sampleOf(body)
  }
}

/** Bytes that are looked at, at each end. */
const sampled = 32

/** A hash of the length and of both ends of a body (FNV-1a, 32 bit). */
function sampleOf(body: Uint8Array): number {
  let hash = (0x811c9dc5 ^ body.length) >>> 0
  const mix = (from: number, to: number) => {
    for (let at = from; at < to; at++) hash = Math.imul(hash ^ (body[at] as number), 0x01000193)
  }
  mix(0, Math.min(sampled, body.length))
  mix(Math.max(sampled, body.length - sampled), body.length)
  return hash
}
