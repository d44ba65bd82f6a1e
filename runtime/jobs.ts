import { describe } from './core/errors.ts'
import { failedAttempts, header } from './core/headers.ts'
import { linesOf, unpack } from './core/pack.ts'
import type { Delivery, Headers } from './core/spec.ts'
import type { Move } from './moves.ts'
import type { RawDelivery } from './ports.ts'
import type { Job } from './settlement.ts'

export interface Reading {
  readonly decode: (body: Uint8Array) => unknown
  readonly keyOf: (delivery: Delivery<unknown>) => string
}

/** The deliveries that a message of the broker brings: one, or as many as it has lines. */
export function jobsOf(message: RawDelivery, reading: Reading): readonly Job[] {
  const count = linesOf(message.headers)
  if (count === null) return [jobOf(message, message.messageId, message.body, reading)]
  const { [header.lines]: _lines, ...rest } = message.headers
  const headers: Headers = rest
  // n.b. one for all lines: an object more for each of them is felt.
  const raw = { ...message, headers }
  const jobs = unpack(message.messageId, message.body, count, (id, bytes) => jobOf(raw, id, bytes, reading))
  if (typeof jobs === 'string') {
    const decode = () => {
      throw new Error(jobs)
    }
    return [jobOf(message, message.messageId, message.body, { ...reading, decode })]
  }
  const of = jobs.length
  jobs.forEach((job, index) => {
    job.of = of
    job.last = index === of - 1
  })
  return jobs
}

function jobOf(raw: RawDelivery, id: string, bytes: Uint8Array, { decode, keyOf }: Reading): Job {
  const { redelivered, headers } = raw
  const attempt = failedAttempts(headers) + 1
  const delivery = { id, body: bytes as unknown, bytes, attempt, redelivered, headers }
  let key = ''
  let unreadable: Move | null = null
  try {
    delivery.body = decode(bytes)
    // Once, for what a handler does to a body must not move it to another key.
    key = keyOf(delivery)
  } catch (error) {
    unreadable = { kind: 'dead', failed: attempt, code: 'FN_DECODE_FAILED', cause: describe(error) }
  }
  return { raw, id, bytes, of: 1, last: true, delivery, key, unreadable, settled: null, sequence: 0 }
}

/** Those whose messages are here with all that they brought, and the others: what came with them is done, or runs. */
export function byMessage(jobs: readonly Job[]): { readonly whole: readonly Job[]; readonly parts: readonly Job[] } {
  if (jobs.every(({ of }) => of === 1)) return { whole: jobs, parts: [] }
  const whole: Job[] = []
  const parts: Job[] = []
  for (const ofSource of Map.groupBy(jobs, ({ raw }) => raw.source).values()) {
    for (const together of Map.groupBy(ofSource, ({ raw }) => raw.tag).values()) {
      const list = together.length === together[0]?.of ? whole : parts
      list.push(...together)
    }
  }
  return { whole, parts }
}
