import { header } from './headers.ts'
import type { Headers } from './spec.ts'

/** Lines in one message have no more bytes than this together; a longer one goes alone. */
export const packBytes = 16 * 1024

/** Two numbers of 32 bits a line: the length of its body, and by how much its offset is beyond that of the line before. */
const entryBytes = 8
const newline = 10

/**
 * The body of a message of many lines: the body of each, followed by LF, then the index, {@link entryBytes} a line, big-endian. So it can
 * be read as text up to the index. Lines of one file only, in its order: the message's id is that of the first, `<file>:<offset>`.
 */
export function pack(lines: readonly { readonly body: Uint8Array; readonly offset: number }[]): Uint8Array {
  const size = lines.reduce((sum, { body }) => sum + body.length + 1, 0)
  const all = new Uint8Array(size + entryBytes * lines.length)
  const index = new DataView(all.buffer, size)
  let at = 0
  let last = lines[0]?.offset ?? 0
  lines.forEach(({ body, offset }, number) => {
    all.set(body, at)
    at += body.length
    all[at++] = newline
    index.setUint32(entryBytes * number, body.length)
    index.setUint32(entryBytes * number + 4, offset - last)
    last = offset
  })
  return all
}

/** How many lines a message says that it carries; null: it is one delivery as it stands. */
export function linesOf(headers: Headers): unknown {
  return headers[header.lines] ?? null
}

/**
 * What `make` makes of each line of a message that carries `count` of them: of the id that it would have as a message of its own, and of its
 * body, which shares the message's memory. In words what is wrong with the message, if anything is.
 */
export function unpack<T>(
  messageId: string,
  body: Uint8Array,
  count: unknown,
  make: (messageId: string, body: Uint8Array) => T,
): readonly T[] | string {
  if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 1) return `it says it has ${count} lines`
  const size = body.length - entryBytes * count
  if (size < count) return `its ${body.length} bytes are too few for ${count} lines`
  const [, file, first] = /^(.*):([0-9]{1,16})$/s.exec(messageId) ?? []
  if (first === undefined) return `its id '${messageId}' is not that of a line`
  const index = new DataView(body.buffer, body.byteOffset + size, entryBytes * count)
  const lines: T[] = []
  const source = `${file}:`
  let at = 0
  let offset = Number(first)
  for (let number = 0; number < count; number++) {
    const end = at + index.getUint32(entryBytes * number)
    offset += index.getUint32(entryBytes * number + 4)
    if (end >= size || body[end] !== newline) return `line ${number + 1} of ${count} does not end where its index says`
    lines.push(make(source + offset, body.subarray(at, end)))
    at = end + 1
  }
  return at === size ? lines : `behind its ${count} lines there are ${size - at} bytes more`
}
