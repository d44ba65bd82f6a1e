import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

export interface HttpServerOptions {
  readonly host: string
  /** 0 takes any that is free. */
  readonly port: number
  /** What each path answers to GET and HEAD. */
  readonly routes: ReadonlyMap<string, () => Answer | Promise<Answer>>
}

/** A probe is answered at once or not at all: who is slower holds a socket of ours for nothing. */
const requestTimeoutMs = 5000
/** A scraper and two probes need three. */
const maxConnections = 100

/**
 * Answers probes and scrapes. It lives until the process ends.
 * @returns the port it listens on
 * @throws NodeJS.ErrnoException if it cannot listen there, such as EADDRINUSE
 */
export async function serveHttp({ host, port, routes }: HttpServerOptions): Promise<number> {
  const server = createServer({ requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs })
  server.maxConnections = maxConnections
  server.on('request', (request, response) => void answer(routes, request, response))
  server.listen(port, host)
  await once(server, 'listening')
  server.on('error', () => {})
  return (server.address() as AddressInfo).port
}

async function answer(
  routes: HttpServerOptions['routes'],
  { method = '', url = '' }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const route = routes.get(url.split('?', 1)[0] ?? '')
  const plain = (status: number, body: string): Answer => ({ status, contentType: 'text/plain; charset=utf-8', body })
  let said: Answer
  if (!route) said = plain(404, `There is ${[...routes.keys()].join(' ')}\n`)
  else if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    said = plain(405, 'GET or HEAD\n')
  } else {
    try {
      said = await route()
    } catch (error) {
      said = plain(500, `${error instanceof Error ? error.message : error}\n`)
    }
  }
  const { status, contentType, body } = said
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) })
  response.end(method === 'HEAD' ? undefined : body)
}
