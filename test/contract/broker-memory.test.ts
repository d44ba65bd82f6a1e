import { historyOf } from '../../runtime/core/topology.ts'
import { memoryBroker } from '../../runtime/doubles/broker.ts'
import { systemClock } from '../../runtime/system/clock.ts'
import { brokerContract } from './broker.contract.ts'

brokerContract(async () => {
  const broker = memoryBroker({ clock: systemClock })
  const queue = 'logs'
  return {
    broker,
    queue,
    async cut() {
      broker.cut()
    },
    async take(name) {
      const taken = broker.ready(name).map(({ body }) => Buffer.from(body).toString())
      const stored = broker.queues.get(name)
      if (stored) stored.ready = []
      return taken
    },
    ready: async (name) => broker.ready(name).length,
    async occupy(name) {
      broker.declare([{ kind: 'queue', name, arguments: { 'x-queue-type': 'classic' } }])
    },
    history: async (exchange) => broker.ready(historyOf(exchange)).map(({ body }) => Buffer.from(body).toString()),
    async bind(exchange, name) {
      broker.declare([{ kind: 'binding', exchange, queue: name }])
    },
    unbind: async (exchange, name) => broker.unbind(exchange, name),
    async remove(name) {
      broker.queues.delete(name)
    },
  }
})
