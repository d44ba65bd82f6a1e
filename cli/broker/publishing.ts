import type { Publisher } from '../../runtime/ports.ts'
import { rabbitmq } from '../../runtime/rabbitmq/broker.ts'
import { codeOf } from '../../runtime/rabbitmq/failures.ts'
import { CommandError, type Io } from '../command.ts'
import { connectingFor } from './adapters.ts'
import { type OpenBroker, withBroker } from './connection.ts'
import type { Reach } from './reach.ts'

/** Where messages for a queue go in. */
export interface Route {
  readonly exchange: string
  readonly routingKey: string
}

export interface Publishing {
  readonly publisher: Publisher
  /** Rejects once the broker has returned a message because no queue takes it. */
  readonly unroutable: Promise<never>
}

/**
 * The way that a producer of the queue takes, through the exchange of its name, if there is one: so its history has the message, and
 * whatever else is bound gets it. Else, or if `direct`, straight to the queue alone.
 * @throws CommandError if there is no such queue
 */
export const routeTo = (
  io: Io,
  purpose: string,
  queue: string,
  direct: boolean,
): Promise<{ route: Route; reach: Reach }> =>
  withBroker(io, purpose, async ({ connection, reach }) => {
    const channel = await connection.createChannel()
    channel.on('error', () => {})
    await channel.checkQueue(queue)
    const through = !direct && (await hasExchange(connection, queue))
    const route = through ? { exchange: queue, routingKey: '' } : { exchange: '', routingKey: queue }
    return { route, reach }
  })

async function hasExchange(connection: OpenBroker['connection'], name: string): Promise<boolean> {
  const channel = await connection.createChannel()
  // A missing exchange closes the channel, which is of this question alone.
  channel.on('error', () => {})
  try {
    await channel.checkExchange(name)
    await channel.close()
    return true
  } catch (error) {
    if (codeOf(error) === 404) return false
    throw error
  }
}

/** At most this many bytes of unconfirmed bodies, whatever the window. */
const windowBytes = 64 * 1024 * 1024

/**
 * Publishes in a window of confirms, in order; what is unconfirmed when a connection is lost is published again on the next one.
 * Close it when done.
 */
export function publishing(io: Io, reach: Reach, purpose: string, window: number): Publishing {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => {})
  const connecting = connectingFor(io, reach, purpose)
  const instruments = {
    ...connecting.instruments,
    add: (name: string) => {
      if (name === 'unroutable')
        reject(
          new CommandError('the broker gave a message back: no queue takes it any more', null, {
            code: 'FN_QUEUE_GONE',
          }),
        )
    },
  }
  const publisher = rabbitmq({ ...connecting, instruments }, 'verify').publisher({ window, windowBytes, topology: [] })
  return { publisher, unroutable: promise }
}
