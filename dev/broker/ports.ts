import { randomInt } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'

/** The ports of one broker, all on 127.0.0.1. */
export interface Ports {
  readonly amqp: number
  readonly management: number
  /** Erlang's distribution; nobody but the broker itself uses it. */
  readonly distribution: number
  /** Where an epmd would be, if there were one. */
  readonly epmd: number
}

/**
 * Below the ports that systems hand out to clients (from 32768 on Linux, 49152 on macOS): while a broker is away its port must not
 * go to a connection, least of all to one of its own clients that tries to reconnect and would then be talking to itself.
 */
const lowest = 20_000
const highest = 32_000
const tries = 100

/** The ports written in `path` if all of them are still free, else new ones, which are written there. */
export async function choosePorts(path: string): Promise<Ports> {
  const kept = readPorts(path)
  if (kept && (await areFree(kept))) return kept
  return newPorts(path)
}

export async function newPorts(path: string): Promise<Ports> {
  for (let attempt = 0; attempt < tries; attempt++) {
    const first = randomInt(lowest, highest)
    const ports: Ports = { amqp: first, management: first + 1, distribution: first + 2, epmd: first + 3 }
    if (!(await areFree(ports))) continue
    writeFileSync(path, `${JSON.stringify(ports)}\n`)
    return ports
  }
  throw new Error(`no four free ports in a row were found on 127.0.0.1 between ${lowest} and ${highest}`)
}

function readPorts(path: string): Ports | null {
  try {
    const ports = JSON.parse(readFileSync(path, 'utf8')) as Ports
    const all = [ports.amqp, ports.management, ports.distribution, ports.epmd]
    return all.every((port) => Number.isInteger(port) && port > 0 && port < 65_536) ? ports : null
  } catch {
    return null
  }
}

async function areFree({ amqp, management, distribution, epmd }: Ports): Promise<boolean> {
  const free = await Promise.all([amqp, management, distribution, epmd].map(isFree))
  return free.every(Boolean)
}

/** n.b. Binding alone is no proof: where it is allowed beside a listener on all addresses, that one answers. */
async function isFree(port: number): Promise<boolean> {
  return (await canBind(port)) && !(await answers(port))
}

function canBind(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const settle = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
  })
}
