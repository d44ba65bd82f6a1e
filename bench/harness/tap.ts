import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** What is told of, by the class and number of its method. */
const named: Readonly<Record<string, TapEvent>> = {
  '10.41': 'open',
  '60.20': 'consume',
  // basic.get: a function may ask for one message before it takes many.
  '60.70': 'consume',
  '60.60': 'deliver',
  '60.80': 'ack',
}

/** `connect`: the socket is there; `open`: the broker has opened the connection. */
export type TapEvent = 'connect' | 'open' | 'consume' | 'deliver' | 'ack'

/** Stands between a function and its broker and tells when which step passes: the first ack cannot be seen from outside otherwise. */
export class Tap {
  readonly #server: Server
  readonly #target: { readonly host: string; readonly port: number }
  /** Called with the time, ms of `performance.now()`. */
  on: (event: TapEvent, at: number) => void = () => {}

  private constructor(target: URL) {
    this.#target = { host: target.hostname, port: Number(target.port || 5672) }
    this.#server = createServer((client) => this.#connected(client))
  }

  static async to(url: string): Promise<Tap> {
    const tap = new Tap(new URL(url))
    await once(tap.#server.listen(0, '127.0.0.1'), 'listening')
    return tap
  }

  /** `url` by way of the tap. */
  via(url: string): string {
    const tapped = new URL(url)
    tapped.hostname = '127.0.0.1'
    tapped.port = String((this.#server.address() as AddressInfo).port)
    return tapped.href
  }

  close(): void {
    this.#server.close()
  }

  #connected(client: Socket): void {
    this.on('connect', performance.now())
    client.setNoDelay(true)
    const broker = connect({ ...this.#target, noDelay: true })
    this.#pass(client, broker, true)
    this.#pass(broker, client, false)
  }

  /** n.b. Frames of AMQP 0.9.1, behind 8 bytes of greeting from the client; a method's begins with its class and its number. */
  #pass(from: Socket, to: Socket, greets: boolean): void {
    from.pipe(to)
    from.on('error', () => to.destroy())
    let rest: Buffer = Buffer.alloc(0)
    let greeted = !greets
    from.on('data', (data: Buffer) => {
      const at = performance.now()
      rest = Buffer.concat([rest, data])
      if (!greeted && rest.length >= 8) {
        greeted = true
        rest = rest.subarray(8)
      }
      while (greeted && rest.length >= 8 && rest.length >= rest.readUInt32BE(3) + 8) {
        const event = rest[0] === 1 ? named[`${rest.readUInt16BE(7)}.${rest.readUInt16BE(9)}`] : undefined
        if (event) this.on(event, at)
        rest = rest.subarray(rest.readUInt32BE(3) + 8)
      }
    })
  }
}
