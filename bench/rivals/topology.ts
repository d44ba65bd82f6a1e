import type { Channel } from 'amqplib'
import { topologyOf } from '../../runtime/core/topology.ts'

/** The rivals run on the very topology that the runtime declares: what differs is the code, not the queue. */
export async function declare(channel: Channel, queue: string): Promise<void> {
  for (const declaration of topologyOf(queue, queue, [])) {
    if (declaration.kind === 'exchange') await channel.assertExchange(declaration.name, declaration.type)
    else if (declaration.kind === 'queue') {
      await channel.assertQueue(declaration.name, { durable: true, arguments: declaration.arguments })
    } else await channel.bindQueue(declaration.queue, declaration.exchange, '')
  }
}
