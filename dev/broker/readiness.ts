import { connect } from 'node:net'
import { managedVersion, poll } from './management.ts'

const pollMs = 50
const probeTimeoutMs = 2000
const protocolHeader = Buffer.from('AMQP\0\0\x09\x01', 'latin1')

/**
 * Waits until the broker at these ports of 127.0.0.1 speaks AMQP and its management answers.
 * @returns the broker's version
 * @throws the signal's reason once it aborts
 */
export async function untilReady(amqpPort: number, managementUrl: string, signal: AbortSignal): Promise<string> {
  await poll(pollMs, signal, () => speaksAmqp(amqpPort))
  return poll(pollMs, signal, () => managedVersion(managementUrl))
}

/** n.b. A connection alone says little: Docker's proxy accepts it before the broker listens. */
function speaksAmqp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: probeTimeoutMs })
    const settle = (speaks: boolean) => {
      socket.destroy()
      resolve(speaks)
    }
    socket.once('connect', () => socket.write(protocolHeader))
    socket.once('data', () => settle(true))
    for (const event of ['error', 'timeout', 'end']) socket.once(event, () => settle(false))
  })
}
