import { historyOf } from '../../runtime/core/topology.ts'
import { codeOf } from '../../runtime/rabbitmq/failures.ts'
import type { Io } from '../command.ts'
import { connectingFor } from './adapters.ts'
import type { OpenBroker } from './connection.ts'
import type { Reach } from './reach.ts'
import { offsetsAt, type StreamPlace, StreamReader } from './stream.ts'

/**
 * What stands in the history of an exchange at one moment.
 * n.b. Not every offset is a message: the broker puts entries of its own at the begin of segments. The one before `end` is.
 */
export interface History {
  readonly stream: string
  readonly first: number
  /** The first offset that is not written yet. */
  readonly end: number
  /** The first offset that the broker wrote at this time or later, in s since 1970; `end` if there is none. */
  at(seconds: number): Promise<number>
}

export async function historyAt({ connection }: OpenBroker, exchange: string): Promise<History> {
  const stream = historyOf(exchange)
  const [first, last] = await Promise.all([
    offsetsAt(connection, stream, 'first'),
    offsetsAt(connection, stream, 'last'),
  ])
  const end = last ? last.last + 1 : 0
  return {
    stream,
    first: first?.first ?? end,
    end,
    at: async (seconds) => (await offsetsAt(connection, stream, { seconds }))?.first ?? end,
  }
}

export const readerOf = (io: Io, reach: Reach, purpose: string, stream: string, from: StreamPlace): StreamReader =>
  new StreamReader(connectingFor(io, reach, purpose), stream, from)

/**
 * Rejects if there is no such queue.
 * n.b. From RabbitMQ 4.3 on nobody may ask who has no permission on the queue itself; to publish takes none.
 */
export async function checkExists({ connection }: OpenBroker, queue: string): Promise<void> {
  const channel = await connection.createChannel()
  channel.on('error', () => {})
  try {
    await channel.checkQueue(queue)
    await channel.close()
  } catch (error) {
    if (codeOf(error) !== 403) throw error
  }
}
