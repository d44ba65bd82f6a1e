import { describe } from './core/errors.ts'
import { failedAttempts } from './core/headers.ts'
import type { Delivery } from './core/spec.ts'
import type { Move } from './moves.ts'
import type { RawDelivery } from './ports.ts'
import type { Job } from './settlement.ts'
import { unpacked } from './unpacked.ts'

export interface Reading {
  readonly decode: (body: Uint8Array) => unknown
  readonly keyOf: (delivery: Delivery<unknown>) => string
}

/** The deliveries that a message of the broker brings. */
export function jobsOf(message: RawDelivery, reading: Reading): readonly Job[] {
  const parts = unpacked(message)
  if (typeof parts !== 'string') {
    const of = parts.length
    return parts.map((raw, index) => jobOf(raw, of, index === of - 1, reading))
  }
  const decode = () => {
    throw new Error(parts)
  }
  return [jobOf(message, 1, true, { ...reading, decode })]
}

function jobOf(raw: RawDelivery, of: number, last: boolean, { decode, keyOf }: Reading): Job {
  const { messageId: id, body: bytes, redelivered, headers } = raw
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
  return { raw, of, last, delivery, key, unreadable, settled: null, sequence: 0 }
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
