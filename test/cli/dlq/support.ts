import { once } from 'node:events'
import { connect, type Options } from 'amqplib'
import { header } from '../../../runtime/core/headers.ts'
import { topologyOf } from '../../../runtime/core/topology.ts'
import { declare } from '../support/declare.ts'

export interface Dead {
  readonly id: string
  readonly body?: string | Uint8Array
  readonly code?: string
  readonly cause?: string
  /** Of the last failure, in ms. */
  readonly ageMs?: number
  readonly properties?: Options.Publish
  /** Besides those that say what it died of. */
  readonly headers?: Record<string, unknown>
  /** Nothing says what it died of. */
  readonly isBare?: boolean
}

export const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`

/** The headers that the runtime leaves on a dead letter of queue `logs`. */
function deadHeaders({ code = 'FN_ATTEMPTS_EXHAUSTED', cause = 'no disk', ageMs = 60_000 }: Dead) {
  const at = Date.now() - ageMs
  return {
    [header.origin]: 'logs',
    [header.code]: code,
    [header.cause]: cause,
    [header.failed]: 5,
    [header.firstFailure]: new Date(at - 60_000).toISOString(),
    [header.lastFailure]: new Date(at).toISOString(),
    traceparent,
  }
}

/** Declares the topology of `logs`, and puts dead letters into `logs.dead`, in their order. */
export async function bury(url: string, letters: Iterable<Dead>): Promise<void> {
  await declare(url, topologyOf('logs', 'logs'))
  const connection = await connect(url, { noDelay: true })
  try {
    const channel = await connection.createConfirmChannel()
    for (const letter of letters) {
      const headers = { ...(letter.isBare ? {} : deadHeaders(letter)), ...letter.headers }
      const body = Buffer.from(letter.body ?? letter.id)
      const options = { persistent: true, messageId: letter.id, ...letter.properties, headers }
      if (!channel.publish('', 'logs.dead', body, options)) await once(channel, 'drain')
    }
    await channel.waitForConfirms()
  } finally {
    await connection.close()
  }
}

export const numbered = (count: number): Dead[] => Array.from({ length: count }, (_, n) => ({ id: `f:${n}` }))

export interface Taken {
  readonly id: string
  readonly body: Buffer
  readonly headers: Record<string, unknown>
  readonly properties: Record<string, unknown>
  readonly redelivered: boolean
}

/** Takes out all that is ready in a queue, in its order. */
export async function empty(url: string, queue: string): Promise<Taken[]> {
  const connection = await connect(url, { noDelay: true })
  try {
    const channel = await connection.createChannel()
    const { messageCount } = await channel.checkQueue(queue)
    const taken: Taken[] = []
    if (messageCount === 0) return taken
    await channel.prefetch(1000)
    const { promise, resolve } = Promise.withResolvers<void>()
    const { consumerTag } = await channel.consume(queue, (message) => {
      if (!message) return
      const { headers = {}, ...properties } = message.properties
      const { redelivered } = message.fields
      taken.push({ id: String(properties.messageId), body: message.content, headers, properties, redelivered })
      const isLast = taken.length === messageCount
      if (isLast || taken.length % 500 === 0) channel.ack(message, true)
      if (isLast) resolve()
    })
    await promise
    await channel.cancel(consumerTag)
    // n.b. Acks right before the close of their channel may be forgotten. A cancelled consumer counts until nothing of it is open.
    while ((await channel.checkQueue(queue)).consumerCount > 0);
    await channel.close()
    return taken
  } finally {
    await connection.close()
  }
}

export const idsOf = (taken: readonly Taken[]): string[] => taken.map(({ id }) => id)

/** Publishes to a queue that has become full, until it says so. n.b. It takes some before it knows. */
export async function untilRefused(url: string, queue: string): Promise<void> {
  const connection = await connect(url, { noDelay: true })
  try {
    const channel = await connection.createConfirmChannel()
    const isTaken = () =>
      new Promise<boolean>((resolve) =>
        channel.publish('', queue, Buffer.from('filling'), { messageId: 'filling' }, (error) => resolve(!error)),
      )
    while (await isTaken());
  } finally {
    await connection.close()
  }
}
