import type { Broker } from '../ports.ts'
import type { Connecting } from './connection.ts'
import { AmqpConsumer } from './consumer.ts'
import { AmqpPublisher } from './publisher.ts'

/**
 * RabbitMQ behind the port. Publishing and consuming never share a connection: an alarm blocks the one that publishes,
 * and acks on it would be stuck with the messages.
 */
export function rabbitmq(connecting: Connecting, mode: 'declare' | 'verify'): Broker {
  const named = (role: string): Connecting => ({
    ...connecting,
    connectionName: `${connecting.connectionName} ${role}`,
  })
  return {
    publisher: (options) => new AmqpPublisher(options, mode, named('publisher')),
    consumer: (options) => new AmqpConsumer(options, mode, named('consumer')),
  }
}
