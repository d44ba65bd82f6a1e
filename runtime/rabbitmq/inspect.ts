import type { Channel, ChannelModel } from 'amqplib'
import { type BrokerConfig, parseAddress } from '../core/config.ts'
import { describe } from '../core/errors.ts'
import type { Clock } from '../ports.ts'
import { closeConnection, noTls, openConnection } from './open.ts'

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

/**
 * Connects when first asked, and again after a lost connection.
 * @param broker an address, or what is asked before each connection: what stands in files may have changed
 */
export function inspector(broker: string | (() => BrokerConfig), clock: Clock): Inspector {
  const configNow = typeof broker === 'string' ? configOf(broker) : broker
  let open: Promise<ChannelModel> | null = null
  let good = 0

  /** Of several addresses the one that answered last is tried first. */
  const connect = async (): Promise<ChannelModel> => {
    const { addresses, tls } = configNow()
    let failure: unknown = new Error('there is no address')
    for (const [tries] of addresses.entries()) {
      const index = (good + tries) % addresses.length
      const address = addresses[index]
      if (!address) continue
      try {
        const model = await openConnection(address, 'kedafn inspector', { tls })
        good = index
        return model
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  const connection = (): Promise<ChannelModel> => {
    if (open) return open
    const opening = connect()
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

function configOf(url: string): () => BrokerConfig {
  const config = { addresses: [parseAddress(url)], tls: noTls }
  return () => config
}
