import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

interface Pair {
  readonly client: Socket
  readonly server: Socket
}

/** Stands between a client and a broker, and does to their connections what networks do. */
export class TcpProxy implements AsyncDisposable {
  readonly #target: { readonly host: string; readonly port: number }
  readonly #pairs = new Set<Pair>()
  #listener: Server | null = null
  #port = 0
  #frozen = false
  #cutAt: { readonly how: 'reset' | 'freeze'; readonly from: 'client' | 'server'; bytes: number } | null = null
  /** Each piece of data is passed on so many ms later. */
  latencyMs = 0
  /** Each direction of each connection passes so many bytes a second, and whoever sends more has to wait. Not together with `freeze`. */
  bytesPerS = Number.POSITIVE_INFINITY
  #rewriting: { readonly words: string; readonly by: string } | null = null
  /** Connections accepted so far. */
  accepted = 0

  private constructor(target: { host: string; port: number }) {
    this.#target = target
  }

  /** A proxy on loopback for the host and port of `url`. */
  static async to(url: string): Promise<TcpProxy> {
    const { hostname, port } = new URL(url)
    const proxy = new TcpProxy({ host: hostname, port: Number(port) })
    await proxy.open()
    return proxy
  }

  /** `url`, by way of the proxy. */
  via(url: string): string {
    const address = new URL(url)
    address.hostname = '127.0.0.1'
    address.port = String(this.#port)
    return address.href
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#pairs.size
  }

  /** False while it is shut. */
  get listening(): boolean {
    return this.#listener !== null
  }

  /** Takes connections (again), on the same port. */
  async open(): Promise<void> {
    if (this.#listener) return
    this.#listener = createServer({ allowHalfOpen: true }, (client) => this.#connected(client))
    this.#listener.listen(this.#port, '127.0.0.1')
    await once(this.#listener, 'listening')
    this.#port = (this.#listener.address() as AddressInfo).port
  }

  /** New connections are refused, and those that stand are reset. */
  async shut(): Promise<void> {
    const closed = this.#listener && once(this.#listener, 'close')
    this.#listener?.close()
    this.#listener = null
    this.reset()
    await closed
  }

  /** Every connection breaks off with a RST. */
  reset(): void {
    for (const pair of this.#pairs) this.#break(pair)
  }

  /** The client of each connection sees its end (FIN), and the broker does not. */
  hangUp(): void {
    for (const { client } of this.#pairs) client.end()
  }

  /** Resets the next connection as soon as so many bytes came from one side; those before are passed on. */
  resetAfter(bytes: number, from: 'client' | 'server'): void {
    this.#cutAt = { how: 'reset', bytes, from }
  }

  /** Freezes all as soon as so many bytes came from one side; those before are passed on. */
  freezeAfter(bytes: number, from: 'client' | 'server'): void {
    this.#cutAt = { how: 'freeze', bytes, from }
  }

  /** What the server sends has other words in it from now on: as many bytes, so that its frames stay whole. */
  rewrite(words: string, by: string): void {
    if (words.length !== by.length) throw new RangeError('the words must be of one length')
    this.#rewriting = { words, by }
  }

  /** From now on, what the server sends is passed on as it is. */
  stopRewriting(): void {
    this.#rewriting = null
  }

  /** False once {@link resetAfter} or {@link freezeAfter} has done its work. */
  get cutDue(): boolean {
    return this.#cutAt !== null
  }

  /**
   * Nothing passes any more, and nobody is told: the peer went silent. On connections that stand, as when a firewall forgot
   * them, or on new ones too.
   */
  freeze(what: 'present' | 'all' = 'all'): void {
    this.#frozen = what === 'all'
    for (const { client, server } of this.#pairs) {
      client.pause()
      server.pause()
    }
  }

  thaw(): void {
    this.#frozen = false
    for (const { client, server } of this.#pairs) {
      client.resume()
      server.resume()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shut()
  }

  #connected(client: Socket): void {
    this.accepted++
    const server = connect({ ...this.#target, allowHalfOpen: true })
    const pair = { client, server }
    this.#pairs.add(pair)
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.on('error', () => this.#break(pair))
      socket.on('close', () => this.#break(pair))
    }
    client.on('data', (data) => {
      this.#pass(data as Buffer, server, 'client', pair)
      this.#slowDown(client, (data as Buffer).length)
    })
    server.on('data', (data) => {
      this.#pass(this.#rewritten(data as Buffer), client, 'server', pair)
      this.#slowDown(server, (data as Buffer).length)
    })
    client.on('end', () => server.end())
    server.on('end', () => client.end())
    if (this.#frozen) this.freeze()
  }

  /** n.b. a socket that is not read makes its peer wait, as a full line does. */
  #slowDown(from: Socket, bytes: number): void {
    if (this.bytesPerS === Number.POSITIVE_INFINITY) return
    from.pause()
    setTimeout(() => from.resume(), (bytes / this.bytesPerS) * 1000)
  }

  #rewritten(data: Buffer): Buffer {
    const { words, by } = this.#rewriting ?? {}
    if (!words || !by || !data.includes(words)) return data
    return Buffer.from(data.toString('latin1').replaceAll(words, by), 'latin1')
  }

  #pass(data: Buffer, to: Socket, from: 'client' | 'server', pair: Pair): void {
    const due = this.#cutAt
    if (due?.from === from) {
      if (data.length >= due.bytes) {
        this.#cutAt = null
        to.write(data.subarray(0, due.bytes), () => due.how === 'reset' && this.#break(pair))
        if (due.how === 'freeze') this.freeze()
        return
      }
      due.bytes -= data.length
    }
    if (this.latencyMs === 0) to.write(data)
    else setTimeout(() => to.writable && to.write(data), this.latencyMs)
  }

  #break(pair: Pair): void {
    if (!this.#pairs.delete(pair)) return
    for (const socket of [pair.client, pair.server]) {
      if (socket.destroyed) continue
      // n.b. a RST needs a connected socket; and on one that is shutting down Node 26 loses hold of the handle, and then spins
      // for ever when the process should end.
      if (socket.connecting || socket.writableEnded) socket.destroy()
      else socket.resetAndDestroy()
    }
  }
}
