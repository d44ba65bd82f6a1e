import type { Channel, ChannelModel } from 'amqplib'
import { describe, FnError } from '../../runtime/core/errors.ts'
import { header } from '../../runtime/core/headers.ts'
import { deadQueueOf } from '../../runtime/core/topology.ts'
import { fatalError, isVhostRefusal } from '../../runtime/rabbitmq/failures.ts'
import { closeConnection, openConnection } from '../../runtime/rabbitmq/open.ts'
import { systemClock as clock } from '../../runtime/system/clock.ts'
import type { AmqpFacts, DeadLetter, Failure } from '../doctor/facts.ts'
import type { Reach } from './reach.ts'

const handshakeMs = 5000
/** Enough to see of what kind they are. */
const sampleSize = 50

/** What AMQP tells of queues, or why it tells nothing. Never rejects. */
export async function inspectQueues(reach: Reach, queues: readonly string[]): Promise<AmqpFacts | Failure> {
  const { addresses, tls } = reach.config
  let failure: Failure = { code: null, message: 'there is no address' }
  for (const address of addresses) {
    try {
      const connection = await openConnection(address, 'kedafn doctor', { tls, timeoutMs: handshakeMs })
      try {
        return await inspect(connection, queues)
      } finally {
        await closeConnection(connection, clock)
      }
    } catch (cause) {
      const fatal = fatalError(cause, 'connecting', address, isVhostRefusal(cause))
      failure =
        fatal instanceof FnError
          ? { code: fatal.code, message: fatal.message }
          : { code: null, message: `${address.hostname}:${address.port}: ${describe(cause)}` }
      if (fatal) return failure
    }
  }
  return failure
}

async function inspect(connection: ChannelModel, queues: readonly string[]): Promise<AmqpFacts> {
  const depths: Record<string, { ready: number; consumers: number } | null> = {}
  const dead: Record<string, readonly DeadLetter[]> = {}
  for (const name of queues.flatMap((queue) => [queue, deadQueueOf(queue)])) {
    const depth = await depthOf(connection, name)
    if (depth !== undefined) depths[name] = depth
  }
  for (const queue of queues) {
    if ((depths[deadQueueOf(queue)]?.ready ?? 0) > 0) dead[queue] = await deadLettersOf(connection, deadQueueOf(queue))
  }
  return { version: versionOf(connection), depths, dead }
}

/** n.b. amqplib has them, and its types do not. */
const versionOf = ({ connection }: ChannelModel): string => {
  const { serverProperties } = connection as unknown as { serverProperties: Record<string, unknown> }
  return `${serverProperties.version ?? ''}`
}

/** On a channel of its own, which an answer of the broker may close. */
async function onChannel<T>(connection: ChannelModel, question: (channel: Channel) => Promise<T>): Promise<T> {
  const channel = await connection.createChannel()
  channel.on('error', () => {})
  const answer = await question(channel)
  await channel.close()
  return answer
}

/** @returns null if there is no such queue; undefined if this user may not know, or its node is away */
async function depthOf(connection: ChannelModel, name: string) {
  try {
    const { messageCount, consumerCount } = await onChannel(connection, (channel) => channel.checkQueue(name))
    return { ready: messageCount, consumers: consumerCount }
  } catch (error) {
    return /no queue '/.test(describe(error)) ? null : undefined
  }
}

/** The first of them; they stay where they are. */
async function deadLettersOf(connection: ChannelModel, name: string): Promise<readonly DeadLetter[]> {
  const letters: DeadLetter[] = []
  try {
    // Unacked they go back with the channel.
    await onChannel(connection, async (channel) => {
      while (letters.length < sampleSize) {
        const message = await channel.get(name)
        if (!message) break
        const headers = message.properties.headers ?? {}
        letters.push({
          code: textOf(headers[header.code]),
          reason: textOf(headers['x-first-death-reason']),
        })
      }
    })
  } catch {
    // This user may not read them: what was seen until then will do.
  }
  return letters
}

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)
