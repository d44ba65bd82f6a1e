import type { Codec } from './spec.ts'

// n.b. ignoreBOM: a byte order mark is content like any other, and a codec must not eat it.
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const encoder = new TextEncoder()

/** Bodies as they are. */
export const bytes: Codec<Uint8Array> = {
  contentType: 'application/octet-stream',
  decode: (body) => body,
  encode: (body) => body,
}

/**
 * UTF-8 text, lossless for any bytes: a byte that is no part of valid UTF-8 becomes the lone surrogate U+DC80 to U+DCFF
 * and turns back into that byte when encoded (the scheme of PEP 383, "surrogateescape").
 */
export const text: Codec<string> = {
  contentType: 'text/plain; charset=utf-8',
  decode(body) {
    try {
      return strict.decode(body)
    } catch {
      return decodeEscaped(body)
    }
  },
  encode: (value) => (value.isWellFormed() ? encoder.encode(value) : encodeEscaped(value)),
}

/** A JSON value in UTF-8. What does not parse goes to dead letters with its bytes. */
export const json: Codec<unknown> = {
  contentType: 'application/json',
  decode: (body) => JSON.parse(strict.decode(body)),
  encode(value) {
    const body = JSON.stringify(value)
    if (body === undefined) throw new TypeError(`a ${typeof value} has no JSON form`)
    return encoder.encode(body)
  },
}

/** The length of the valid UTF-8 sequence at `at`, or 0. RFC 3629, table of well-formed sequences (Unicode 3.9, D92). */
function sequenceLength(body: Uint8Array, at: number): number {
  const first = body[at] as number
  if (first < 0x80) return 1
  const length =
    first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xf0 && first < 0xf5 ? 4 : 0
  if (length === 0 || at + length > body.length) return 0
  const second = body[at + 1] as number
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf
  if (second < low || second > high) return 0
  for (let i = 2; i < length; i++) if (((body[at + i] as number) & 0xc0) !== 0x80) return 0
  return length
}

function decodeEscaped(body: Uint8Array): string {
  let result = ''
  let from = 0
  let at = 0
  while (at < body.length) {
    const length = sequenceLength(body, at)
    if (length > 0) {
      at += length
      continue
    }
    if (from < at) result += strict.decode(body.subarray(from, at))
    result += String.fromCharCode(0xdc00 + (body[at] as number))
    from = ++at
  }
  return result + strict.decode(body.subarray(from))
}

function encodeEscaped(value: string): Uint8Array {
  // A UTF-16 unit takes three bytes at most.
  const result = new Uint8Array(value.length * 3)
  let size = 0
  let from = 0
  for (let at = 0; at < value.length; at++) {
    const point = value.codePointAt(at) as number
    if (point > 0xffff) at++
    else if (point >= 0xdc80 && point <= 0xdcff) {
      if (from < at) size += encoder.encodeInto(value.slice(from, at), result.subarray(size)).written
      result[size++] = point - 0xdc00
      from = at + 1
    }
  }
  size += encoder.encodeInto(value.slice(from), result.subarray(size)).written
  return result.slice(0, size)
}
