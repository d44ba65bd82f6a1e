/**
 * Whole numbers in [0, limit), the same ones on every run: the "minimal standard" generator of Park and Miller (1988) with
 * multiplier 48271. A property test names its case by number, so a failure can be run again.
 */
export function seeded(seed: number): (limit: number) => number {
  let state = (seed % 2_147_483_646) + 1
  return (limit) => {
    state = (state * 48_271) % 2_147_483_647
    return state % limit
  }
}

/** Bytes with many newlines, ASCII, pieces of UTF-8 and bytes that are none, so that odd neighbours are common. */
export function oddBytes(next: (limit: number) => number, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => {
    const kind = next(8)
    if (kind === 0) return 10
    if (kind <= 2) return next(128)
    if (kind <= 4) return 0x80 + next(0x40)
    return next(2) === 0 ? (leads[next(leads.length)] as number) : next(256)
  })
}

const leads = [0x00, 0x0d, 0xc0, 0xc2, 0xdf, 0xe0, 0xe2, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff, 0xbb, 0xbf]
