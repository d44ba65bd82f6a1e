import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { pipeline } from 'node:stream'

/** The network between the functions and their broker: a person can break it. What looks at the broker goes past it. */
export class Network {
  readonly #target: { readonly host: string; readonly port: number }
  readonly #open = new Set<Socket>()
  readonly #server: Server
  readonly #url: string
  #broken = false
  #mend: NodeJS.Timeout | null = null

  private constructor(url: string) {
    const { hostname, port } = new URL(url)
    this.#url = url
    this.#target = { host: hostname, port: Number(port) }
    this.#server = createServer({ noDelay: true }, (client) => this.#connected(client))
  }

  /** One that leads to the broker at `url`, from a port of this machine alone. */
  static async to(url: string): Promise<Network> {
    const network = new Network(url)
    network.#server.listen(0, '127.0.0.1')
    await once(network.#server, 'listening')
    return network
  }

  /** The broker's address by way of it. */
  get url(): string {
    const address = new URL(this.#url)
    address.hostname = '127.0.0.1'
    address.port = String((this.#server.address() as AddressInfo).port)
    return address.href
  }

  get broken(): boolean {
    return this.#broken
  }

  /** Resets every connection, and each new one, for `ms`; then `mended` is called. Broken again, it stays so for `ms` from then on. */
  breakFor(ms: number, mended: () => void): void {
    if (this.#mend) clearTimeout(this.#mend)
    this.#broken = true
    for (const socket of this.#open) socket.resetAndDestroy()
    this.#mend = setTimeout(() => {
      this.#mend = null
      this.#broken = false
      mended()
    }, ms)
  }

  close(): void {
    if (this.#mend) clearTimeout(this.#mend)
    this.#server.close()
    for (const socket of this.#open) socket.destroy()
  }

  #connected(client: Socket): void {
    client.on('error', () => {})
    if (this.#broken) {
      client.resetAndDestroy()
      return
    }
    const server = connect({ ...this.#target, noDelay: true })
    for (const socket of [client, server]) {
      this.#open.add(socket)
      socket.once('close', () => this.#open.delete(socket))
    }
    // A connection has two ends: when one is gone, whatever became of it, so is the other.
    pipeline(client, server, () => server.destroy())
    pipeline(server, client, () => client.destroy())
  }
}
