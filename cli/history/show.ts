import type { ReadMessage } from '../broker/stream.ts'
import { isUtf8, safeBytes, safeText } from '../output/safe.ts'
import { type Part, partsOf } from './match.ts'

export interface Showing {
  /** What names the message in its list: its offset, or its number. */
  readonly label: string
  readonly headers: boolean
  /** Long bodies whole. */
  readonly full: boolean
}

/** Of a body so many bytes are shown on a line, unless all of it is wanted. */
const shownBytes = 2000
/** A header table may be as deep as its bytes allow; what is deeper is not shown. */
const deepest = 20

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** The parts of a message that are like the pattern, each with its label: `1234`, or `1234/5` for a line of many. */
export function labelled(
  message: ReadMessage,
  label: string,
  matches: ((body: Uint8Array) => boolean) | null,
): readonly (readonly [string, Part])[] {
  return partsOf(message)
    .filter(({ body }) => matches === null || matches(body))
    .map((part) => [part.line === null ? label : `${label}/${part.line}`, part] as const)
}

/** A part for eyes: label, time and body on one line, and its headers on lines below. Ends with a line break. */
export function shownPart(part: Part, { label, headers, full }: Showing): string {
  const time = part.timestamp === null ? '-' : new Date(part.timestamp).toISOString().replace('.000Z', 'Z')
  const head = `${label}  ${time}  ${shownBody(part.body, full)}\n`
  return headers ? head + shownHeaders(part) : head
}

function shownBody(body: Uint8Array, full: boolean): string {
  if (full || body.length <= shownBytes) return safeBytes(body)
  return `${safeBytes(withoutHalf(body.subarray(0, shownBytes)))}… (${body.length.toLocaleString('en-US')} bytes)`
}

/** Without the bytes of a character that the cut went through. */
function withoutHalf(bytes: Uint8Array): Uint8Array {
  let end = bytes.length
  while (end > bytes.length - 3 && ((bytes[end - 1] ?? 0) & 0xc0) === 0x80) end--
  return ((bytes[end - 1] ?? 0) & 0xc0) === 0xc0 ? bytes.subarray(0, end - 1) : bytes
}

function shownHeaders({ messageId, contentType, headers }: Part): string {
  const properties = { id: messageId || undefined, 'content-type': contentType ?? undefined, ...headers }
  return Object.entries(properties)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => {
      const plain = plainValue(value)
      return `    ${safeText(name)}: ${safeText(typeof plain === 'string' ? plain : JSON.stringify(plain))}\n`
    })
    .join('')
}

/** A part for a script. The body is text if it is UTF-8, else base64. */
export function jsonPart(part: Part, place: Readonly<Record<string, number>>): Record<string, unknown> {
  const { line, messageId, timestamp, contentType, headers, body } = part
  return {
    ...place,
    ...(line === null ? {} : { line }),
    id: messageId,
    time: timestamp === null ? null : new Date(timestamp).toISOString(),
    contentType,
    headers: plainValue(headers),
    ...(isUtf8(body) ? { text: decoder.decode(body) } : { base64: Buffer.from(body).toString('base64') }),
  }
}

/** A header's value as JSON has it. n.b. amqplib gives bytes as a Buffer, and what has no JavaScript type as `{ '!': type, value }`. */
function plainValue(value: unknown, depth = 0): unknown {
  if (depth > deepest) return '…'
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map((one) => plainValue(one, depth + 1))
  if (typeof value !== 'object' || value === null) return value
  if ('!' in value && 'value' in value) return plainValue(value.value, depth + 1)
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plainValue(one, depth + 1)]))
}
