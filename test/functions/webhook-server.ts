import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface Posted {
  readonly method: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** A webhook on a port of its own, answering as the test says. */
export class WebhookServer {
  readonly posted: Posted[] = []
  /** Connections that were opened. */
  connections = 0
  /** Called with each request once its body is there. */
  answer: (response: ServerResponse, posted: Posted) => void = (response) => void response.writeHead(204).end()
  readonly #server = createServer((request, response) => void this.#take(request, response))

  static async open(t: TestContext): Promise<WebhookServer> {
    const webhook = new WebhookServer()
    const server = webhook.#server
    server.on('connection', () => webhook.connections++)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => webhook.close())
    return webhook
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get url(): string {
    return `http://${this.host}/alerts`
  }

  /** Resolves when nothing listens any more. */
  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    const posted = { method: request.method, headers: request.headers, body }
    this.posted.push(posted)
    this.answer(response, posted)
  }
}
