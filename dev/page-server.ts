import { randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe } from '../runtime/core/errors.ts'
import { UsageError } from './arguments.ts'
import type { LiveMessage } from './live-message.ts'

/** What a page may ask for. Each throws a UsageError for what it cannot do. @returns what was done, in words */
export type Actions = Readonly<Record<string, (body: Readonly<Record<string, unknown>>) => string | Promise<string>>>

export interface PageOptions {
  /** @returns what ends it */
  watch(watcher: (message: LiveMessage) => void): () => void
  readonly actions: Actions
}

export interface Page {
  readonly url: string
  close(): void
}

const root = join(import.meta.dirname, '..')
const script = 'text/javascript; charset=utf-8'
const style = 'text/css; charset=utf-8'
const files = new Map<string, readonly [string, string]>([
  ['/', ['dev/page/index.html', 'text/html; charset=utf-8']],
  ['/page.css', ['dev/page/page.css', style]],
  ['/page.js', ['dev/page/page.js', script]],
  ['/chart.js', ['dev/page/chart.js', script]],
  ...(['uPlot.esm.js', 'uPlot.min.css'] as const).map((name) => {
    const path = `node_modules/uplot/dist/${name}`
    return [`/${path}`, [path, name.endsWith('.css') ? style : script]] as const
  }),
])
const tokenHeader = 'x-kedafn-token'
const bodyBytes = 1024 * 1024
/** Who does not read for so long gets no more: it connects again and begins anew. */
const backlogBytes = 16 * 1024 * 1024

const headers = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

/**
 * Serves the page to this machine alone. A web page of somebody else cannot reach it: what it asks has another `Host` (a name that
 * was made to point here) or another `Origin`, and it cannot read the token that every action needs.
 */
export async function servePage({ watch, actions }: PageOptions): Promise<Page> {
  const token = randomBytes(16).toString('hex')
  const server = createServer((request, response) => {
    const { port } = server.address() as AddressInfo
    const hosts = [`127.0.0.1:${port}`, `localhost:${port}`]
    const { host = '', origin } = request.headers
    const path = (request.url ?? '').split('?', 1)[0] ?? ''
    if (!hosts.includes(host)) return plain(response, 403, 'this page is for this machine alone\n')
    if (request.method === 'POST') {
      if (origin === undefined || !hosts.some((one) => origin === `http://${one}`)) {
        return plain(response, 403, 'an action comes from the page itself\n')
      }
      if (!isToken(request.headers[tokenHeader], token)) return plain(response, 403, 'reload the page\n')
      void act(request, response, actions, path.slice(1))
      return
    }
    if (request.method !== 'GET') return plain(response, 405, 'GET or POST\n')
    if (path === '/events') return stream(response, watch)
    const file = files.get(path)
    if (!file) return plain(response, 404, 'there is no such page\n')
    const text = readFileSync(join(root, file[0]), 'utf8')
    response.writeHead(200, { ...headers, 'content-type': file[1] })
    response.end(path === '/' ? text.replace('__TOKEN__', token) : text)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A page that is open is no reason to go on.
  server.unref()
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

function stream(response: ServerResponse, watch: PageOptions['watch']): void {
  response.writeHead(200, { ...headers, 'content-type': 'text/event-stream' })
  const unwatch = watch((message) => {
    response.write(`data: ${JSON.stringify(message)}\n\n`)
    if (response.writableLength > backlogBytes) response.destroy()
  })
  response.on('error', () => {})
  response.on('close', unwatch)
}

async function act(request: IncomingMessage, response: ServerResponse, actions: Actions, name: string): Promise<void> {
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined
  if (!action) return plain(response, 404, 'there is no such action\n')
  try {
    plain(response, 200, `${await action(await bodyOf(request))}\n`)
  } catch (error) {
    plain(response, error instanceof UsageError ? 400 : 500, `${describe(error)}\n`)
  }
}

async function bodyOf(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > bodyBytes) throw new UsageError('that is too much at once; at most 1 MiB')
    chunks.push(chunk)
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    if (typeof body === 'object' && body !== null) return body as Record<string, unknown>
  } catch {}
  throw new UsageError('expected a JSON object')
}

function isToken(given: string | string[] | undefined, token: string): boolean {
  if (typeof given !== 'string' || given.length !== token.length) return false
  return timingSafeEqual(Buffer.from(given), Buffer.from(token))
}

function plain(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { ...headers, 'content-type': 'text/plain; charset=utf-8' })
  response.end(body)
}
