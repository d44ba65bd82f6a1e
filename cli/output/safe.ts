/**
 * Makes text of unknown origin safe for a terminal. Payloads and headers may hold escape sequences that move the cursor, set
 * the window's title or type on behalf of the reader, and bidi controls that make a line read otherwise than it is.
 */

import { text as textCodec } from '../../runtime/core/codecs.ts'

/**
 * C0 and C1 controls with ESC and DEL, bidi controls and marks, zero-width and other invisible format characters, line and paragraph
 * separators, tags, and surrogates without their pair.
 */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]|\u034f|\u17b4|\u17b5/gu

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0' }

const escaped = (character: string): string => {
  const code = character.codePointAt(0) ?? 0
  return short[character] ?? (code <= 0xff ? `\\x${hex(code, 2)}` : `\\u{${hex(code, 1)}}`)
}
const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')

/** One line of a terminal: every character that is not seen as itself is written as an escape, a line break as `\n`. */
export const safeText = (text: string): string => text.replace(unsafe, escaped)

/** Text of several lines: line breaks and tabs stay, all else is as in {@link safeText}. */
export const safeLines = (text: string): string =>
  text.replace(unsafe, (character) => (character === '\n' || character === '\t' ? character : escaped(character)))

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** True if the bytes are UTF-8. */
export function isUtf8(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes)
    return true
  } catch {
    return false
  }
}

/** Bytes as one safe line: UTF-8 as it is, and each byte that is not UTF-8, which the codec gives as U+DC00 and the byte, as `\xNN`. */
export const safeBytes = (bytes: Uint8Array): string =>
  textCodec.decode(bytes).replace(unsafe, (character) => {
    const code = character.charCodeAt(0)
    return code >= 0xdc80 && code <= 0xdcff ? `\\x${hex(code - 0xdc00, 2)}` : escaped(character)
  })

const combining = /^[\p{Mn}\p{Me}\p{Mc}]$/u
const segmenter = new Intl.Segmenter()

/** How many columns of a terminal a safe text takes. */
export function widthOf(text: string): number {
  // Printable ASCII, the usual case.
  if (/^[ -~]*$/.test(text)) return text.length
  let width = 0
  for (const { segment } of segmenter.segment(text)) width += segmentWidth(segment)
  return width
}

function segmentWidth(segment: string): number {
  const code = segment.codePointAt(0) ?? 0
  if (combining.test(String.fromCodePoint(code))) return 0
  return /\p{Emoji_Presentation}|\ufe0f/u.test(segment) || isWide(code) ? 2 : 1
}

/** East Asian wide and fullwidth, by block. */
const wide: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x1b000, 0x1b2ff],
  [0x1f300, 0x1f64f],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
]
const isWide = (code: number): boolean => wide.some(([from, to]) => code >= from && code <= to)

/** A safe text cut to so many columns, with an ellipsis if it was longer. */
export function fitted(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text
  let [result, width] = ['', 0]
  for (const { segment } of segmenter.segment(text)) {
    width += segmentWidth(segment)
    if (width > columns - 1) break
    result += segment
  }
  return `${result}…`
}
