import type { OpenWorld } from './broker-world.ts'
import { consumerContract } from './consumer.contract.ts'
import { publisherContract } from './publisher.contract.ts'

/** What every adapter of the port Broker keeps: RabbitMQ and the double alike. */
export function brokerContract(open: OpenWorld): void {
  publisherContract(open)
  consumerContract(open)
}
