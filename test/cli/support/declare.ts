import { connect } from 'amqplib'
import type { Declaration } from '../../../runtime/core/topology.ts'

/** Declares a topology, as a function that starts does. */
export async function declare(url: string, topology: readonly Declaration[]): Promise<void> {
  const connection = await connect(url, { noDelay: true })
  try {
    const channel = await connection.createChannel()
    for (const one of topology) {
      if (one.kind === 'exchange') await channel.assertExchange(one.name, one.type, { durable: true })
      else if (one.kind === 'queue') await channel.assertQueue(one.name, { durable: true, arguments: one.arguments })
      else await channel.bindQueue(one.queue, one.exchange, '')
    }
    await channel.close()
  } finally {
    await connection.close()
  }
}

/** Deletes a queue, whatever it holds. */
export async function deleteQueue(url: string, queue: string): Promise<void> {
  const connection = await connect(url, { noDelay: true })
  try {
    const channel = await connection.createChannel()
    await channel.deleteQueue(queue)
    await channel.close()
  } finally {
    await connection.close()
  }
}
