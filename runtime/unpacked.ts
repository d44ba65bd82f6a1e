import { header } from './core/headers.ts'
import { linesOf, unpack } from './core/pack.ts'
import type { Headers } from './core/spec.ts'
import type { RawDelivery } from './ports.ts'

/** What one message of the broker brings: one delivery, or as many as it has lines. In words what is wrong with it, if anything is. */
export function unpacked(raw: RawDelivery): readonly RawDelivery[] | string {
  const count = linesOf(raw.headers)
  if (count === null) return [raw]
  const { [header.lines]: _lines, ...rest } = raw.headers
  const headers: Headers = rest
  const { source, tag, contentType, timestamp, redelivered } = raw
  // n.b. written out: to spread an object for each line is felt.
  return unpack(raw.messageId, raw.body, count, (messageId, body): RawDelivery => {
    return { source, tag, body, messageId, contentType, timestamp, redelivered, headers }
  })
}
