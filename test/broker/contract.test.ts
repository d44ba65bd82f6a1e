import type { Message } from 'amqplib'
import { historyOf } from '../../runtime/core/topology.ts'
import { brokerContract } from '../contract/broker.contract.ts'
import { eventually } from '../contract/broker-world.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { adapter, vhostFor } from './world.ts'

const vhost = await vhostFor('broker-contract')

brokerContract(async (t) => {
  const proxy = await TcpProxy.to(vhost.url)
  t.after(async () => {
    await eventually(t, () => {
      if (proxy.connections > 0) throw new Error(`${proxy.connections} connections are left open`)
    })
    await proxy.shut()
  })
  return {
    broker: adapter(proxy.via(vhost.url)).broker,
    queue: vhost.name(t),
    async cut() {
      proxy.reset()
    },
    take: async (queue) => (await vhost.take(queue)).map(String),
    ready: vhost.ready,
    async occupy(queue) {
      await vhost.ask((channel) => channel.assertQueue(queue, { arguments: { 'x-queue-type': 'classic' } }))
    },
    history: (exchange, count) =>
      vhost.ask(async (channel) => {
        const found: string[] = []
        await channel.prefetch(100)
        await new Promise<void>((resolve) => {
          const take = (message: Message | null) => {
            if (message) found.push(String(message.content))
            if (found.length === count) resolve()
          }
          void channel.consume(historyOf(exchange), take, { arguments: { 'x-stream-offset': 'first' } })
        })
        return found
      }),
    async bind(exchange, queue) {
      await vhost.ask((channel) => channel.bindQueue(queue, exchange, ''))
    },
    async unbind(exchange, queue) {
      await vhost.ask((channel) => channel.unbindQueue(queue, exchange, ''))
    },
    async remove(queue) {
      await vhost.ask((channel) => channel.deleteQueue(queue))
    },
  }
})
