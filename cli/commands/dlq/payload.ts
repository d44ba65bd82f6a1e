import { isUtf8, safeLines } from '../../output/safe.ts'
import { grouped } from '../../output/table.ts'

export type PayloadForm = 'auto' | 'text' | 'hex' | 'json'

/** A text that is indented for its depth may be far longer than it was. */
const longestIndented = 1_000_000

/**
 * A body as a person may look at it on a terminal, at most so many bytes of it. `auto`: JSON that can be read is indented, other UTF-8 shown
 * as it is, and anything else as hexadecimal.
 */
export function shownPayload(body: Uint8Array, form: PayloadForm, maxBytes: number): string {
  if (body.length === 0) return '(empty)\n'
  const head = body.subarray(0, maxBytes)
  const left = body.length - head.length
  const more = left === 0 ? '' : `(${grouped(left)} bytes more; --max-bytes ${body.length} shows all)\n`
  // n.b. A cut in the middle of a character leaves up to three bytes of it.
  const whole = left === 0 ? head : withoutTornEnd(head)
  const isText = isUtf8(whole) && (form === 'text' || !whole.includes(0))
  if (form === 'hex' || (form === 'auto' && !isText)) return hexDump(head) + more
  const text = new TextDecoder().decode(whole)
  const indented = form === 'text' || left > 0 ? null : indentedJson(text)
  if (form === 'json' && indented === null)
    return `(no JSON, or too much of it to be shown as such)\n${hexOrText(head, isText)}${more}`
  return `${withLineEnd(safeLines(indented ?? text))}${more}`
}

const hexOrText = (head: Uint8Array, isText: boolean): string =>
  isText ? withLineEnd(safeLines(new TextDecoder().decode(withoutTornEnd(head)))) : hexDump(head)

const withLineEnd = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`)

function withoutTornEnd(bytes: Uint8Array): Uint8Array {
  for (let cut = 0; cut < 4 && cut < bytes.length; cut++) {
    const rest = bytes.subarray(0, bytes.length - cut)
    if (isUtf8(rest)) return rest
  }
  return bytes
}

/** null: it is no JSON, or so deep that it cannot be indented. */
function indentedJson(text: string): string | null {
  if (!/^\s*[[{]/.test(text)) return null
  try {
    const indented = JSON.stringify(JSON.parse(text), null, 2)
    return indented.length > Math.max(longestIndented, text.length * 4) ? text : indented
  } catch {
    return null
  }
}

const bytesPerLine = 16

/** `00000000  68 65 6c 6c 6f  hello` */
function hexDump(bytes: Uint8Array): string {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += bytesPerLine) {
    const row = [...bytes.subarray(at, at + bytesPerLine)]
    const hex = row.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const seen = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('')
    lines.push(`${at.toString(16).padStart(8, '0')}  ${hex.padEnd(bytesPerLine * 3 - 1)}  ${seen}\n`)
  }
  return lines.join('')
}

/**
 * A header or property as JSON can carry it: bytes as base64, numbers that JSON has not as text, both named as the AMQP library names
 * types.
 */
export function asJson(value: unknown): unknown {
  if (value instanceof Uint8Array) return { '!': 'bytes', value: Buffer.from(value).toString('base64') }
  if (typeof value === 'number' && !Number.isFinite(value)) return { '!': 'double', value: String(value) }
  if (Array.isArray(value)) return value.map(asJson)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, inner]) => (inner === undefined ? [] : [[name, asJson(inner)]])),
  )
}
