import type { Channel, ChannelModel } from 'amqplib'
import { parseAddress } from '../core/config.ts'
import { describe } from '../core/errors.ts'
import type { Clock } from '../ports.ts'
import { closeConnection, openConnection } from './open.ts'

export interface QueueDepth {
  /** Messages that wait; what consumers hold is not in it. */
  readonly ready: number
  readonly consumers: number
}

/** Asks a broker about its queues by passive declare: fresh within milliseconds, where the management pages lag by seconds. */
export interface Inspector {
  /** null: there is no such queue. Rejects when the broker cannot be asked at the moment. */
  depth(queue: string): Promise<QueueDepth | null>
  close(): Promise<void>
}

/** Connects when first asked, and again after a lost connection. */
export function inspector(url: string, clock: Clock): Inspector {
  const address = parseAddress(url)
  let open: Promise<ChannelModel> | null = null

  const connection = (): Promise<ChannelModel> => {
    if (open) return open
    const opening = openConnection(address, 'kedafn inspector')
    const forget = () => {
      if (open === opening) open = null
    }
    opening.then((model) => model.on('error', () => {}).on('close', forget), forget)
    open = opening
    return opening
  }

  const ask = async (channel: Channel, queue: string): Promise<QueueDepth | null> => {
    // A missing queue closes the channel, which is of this question alone.
    channel.on('error', () => {})
    try {
      const { messageCount, consumerCount } = await channel.checkQueue(queue)
      await channel.close()
      return { ready: messageCount, consumers: consumerCount }
    } catch (error) {
      if (/no queue '/.test(describe(error))) return null
      throw error
    }
  }

  return {
    depth: async (queue) => ask(await (await connection()).createChannel(), queue),
    async close() {
      const model = await open?.catch(() => null)
      if (model) await closeConnection(model, clock)
    },
  }
}
