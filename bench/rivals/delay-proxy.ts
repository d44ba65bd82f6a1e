/**
 * A network that takes its time: what comes is passed on so many ms later, in both directions. Says the port it listens to.
 *
 * node bench/rivals/delay-proxy.ts AMQP_URL MS
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

const [address = '', delay = '0'] = process.argv.slice(2)
const { hostname, port } = new URL(address)
const delayMs = Number(delay)

function pass(from: Socket, to: Socket): void {
  from.on('data', (data) => {
    if (delayMs === 0) to.write(data)
    else setTimeout(() => to.writable && to.write(data), delayMs)
  })
  from.on('end', () => setTimeout(() => to.end(), delayMs))
  from.on('error', () => to.destroy())
}

const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
  const broker = connect({ host: hostname, port: Number(port || 5672), noDelay: true, allowHalfOpen: true })
  pass(client, broker)
  pass(broker, client)
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`port ${(server.address() as AddressInfo).port}\n`))
