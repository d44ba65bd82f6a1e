import type { Channel, ChannelModel, GetMessage } from 'amqplib'
import { describe } from '../../runtime/core/errors.ts'
import { CommandError } from '../command.ts'
import { type ReadMessage, readMessage } from './stream.ts'

/** More than this is not held in memory. */
const mostBytes = 256 * 1024 * 1024
/**
 * n.b. A quorum queue keeps what is handed back at once in a map, and a map of Erlang has no order beyond 32 keys: 100 messages that went
 * back together came back shuffled. Steps that the queue has not taken yet are put together again, so each waits until it is taken.
 */
const step = 32
const stepTimeoutMs = 250
const lookEveryMs = 5

/** The first messages that wait in a queue, which are back in it when this resolves; fewer if fewer wait. */
export async function peekAt(
  connection: ChannelModel,
  queue: string,
  count: number,
  signal: AbortSignal,
): Promise<readonly ReadMessage[]> {
  let ended: unknown = null
  connection.on('error', (error) => {
    ended = error
  })
  try {
    const channel = await connection.createChannel()
    channel.on('error', () => {})
    const held = await hold(channel, queue, count, signal)
    await handBack(channel, queue, held)
    await channel.close()
    return held.map(readMessage)
  } catch (error) {
    throw refusal(queue, ended ?? error)
  }
}

async function hold(
  channel: Channel,
  queue: string,
  count: number,
  signal: AbortSignal,
): Promise<readonly GetMessage[]> {
  const held: GetMessage[] = []
  for (let bytes = 0; held.length < count && bytes < mostBytes && !signal.aborted; ) {
    const message = await channel.get(queue)
    if (!message) break
    held.push(message)
    bytes += message.content.length
  }
  return held
}

async function handBack(channel: Channel, queue: string, held: readonly GetMessage[]): Promise<void> {
  for (let at = 0; at < held.length; at += step) {
    const last = held[Math.min(at + step, held.length) - 1]
    if (!last) return
    const isLast = at + step >= held.length
    const before = isLast ? 0 : (await channel.checkQueue(queue)).messageCount
    channel.nack(last, true, true)
    if (!isLast) await ready(channel, queue, before + step)
  }
}

/** Resolves when so many wait in the queue, or after a moment: somebody else may take them. */
async function ready(channel: Channel, queue: string, count: number): Promise<void> {
  const deadline = performance.now() + stepTimeoutMs
  while (performance.now() < deadline && (await channel.checkQueue(queue)).messageCount < count) {
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
  }
}

function refusal(queue: string, cause: unknown): unknown {
  const words = describe(cause)
  if (/stream queue/.test(words)) {
    const advice = `kedafn tail ${queue.replace(/\.history$/, '')} --from 15m  reads a history and takes nothing`
    return new CommandError(`'${queue}' is a stream: nothing can be taken of it and given back`, advice, { cause })
  }
  if (/single active consumer/i.test(words)) {
    const advice = `kedafn tail ${queue}  shows what passes`
    return new CommandError(`'${queue}' is ordered: it gives messages to its one consumer alone`, advice, { cause })
  }
  return cause
}
