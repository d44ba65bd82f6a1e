import type { Broker, LockingBroker } from '../ports.ts'
import { brokerCheckpointStore } from './checkpoint.ts'
import type { Connecting } from './connection.ts'
import { AmqpConsumer } from './consumer.ts'
import { AmqpPublisher } from './publisher.ts'

/**
 * RabbitMQ behind the port. Publishing and consuming never share a connection: an alarm blocks the one that publishes,
 * and acks on it would be stuck with the messages.
 */
export function rabbitmq(connecting: Connecting, mode: 'declare' | 'verify'): Broker & LockingBroker {
  const named = (role: string): Connecting => ({
    ...connecting,
    connectionName: `${connecting.connectionName} ${role}`,
  })
  return {
    publisher: (options) => new AmqpPublisher(options, mode, named('publisher')),
    locked(options) {
      const publisher = new AmqpPublisher(options, mode, named('publisher'), options)
      const { checkpointQueue: queue } = options
      const { locked, admitted } = publisher
      const store = queue === null ? null : brokerCheckpointStore({ queue, locked, admitted, clock: connecting.clock })
      return { publisher, store }
    },
    consumer: (options) => new AmqpConsumer(options, mode, named('consumer')),
  }
}
