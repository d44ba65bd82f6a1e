import { createHash, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export const login = { user: 'builder', password: 'se:cret' }
const basic = `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`
const token = 'a-token-of-this-registry'

/** The part of a registry that a push needs, by the OCI distribution specification; it notes what it was asked. */
export class RegistryServer implements AsyncDisposable {
  readonly blobs = new Map<string, Buffer>()
  readonly manifests = new Map<string, Buffer>()
  readonly asked: string[] = []
  /** What to do to the next requests instead of answering them. */
  readonly faults: ('reset' | number)[] = []
  /** The answer to a request without a valid login. */
  challenge = (): string => `Bearer realm="http://${this.host}/token",service="here"`
  #server = createServer((request, response) => void this.#take(request, response))
  #uploads = new Set<string>()

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async open(): Promise<this> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening')
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await once(this.#server.close(), 'close')
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', `http://${this.host}`)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    this.asked.push(`${request.method} ${url.pathname}`)
    const fault = this.faults.shift()
    if (fault === 'reset') {
      request.socket.resetAndDestroy()
      return
    }
    const [status, headers = {}, body = ''] = fault
      ? [fault, { 'retry-after': '0' }]
      : this.#answer(request, url, Buffer.concat(chunks))
    response.writeHead(status, headers).end(body)
  }

  #answer(request: IncomingMessage, url: URL, body: Buffer): [number, Record<string, string>?, string?] {
    const { authorization } = request.headers
    if (url.pathname === '/token') return this.#token(authorization, url, body)
    if (authorization !== basic && authorization !== `Bearer ${token}`) {
      return [401, { 'www-authenticate': this.challenge() }, this.#error('UNAUTHORIZED', 'who is this')]
    }
    const [, kind, rest = ''] = /^\/v2\/team\/[a-z-]+\/(blobs|manifests)\/(.+)$/.exec(url.pathname) ?? []
    if (kind === 'manifests') return this.#manifest(rest, body)
    if (request.method === 'HEAD') return [this.blobs.has(rest) ? 200 : 404]
    if (request.method === 'POST') {
      const upload = `${url.pathname}${randomUUID()}`
      this.#uploads.add(upload)
      return [202, { location: `${upload}?state=x` }]
    }
    const digest = url.searchParams.get('digest') ?? ''
    const whole = this.#uploads.delete(url.pathname) && digest === digestOf(body)
    if (!whole || url.searchParams.get('state') !== 'x') return [400, {}, this.#error('DIGEST_INVALID', digest)]
    this.blobs.set(digest, body)
    return [201]
  }

  #token(authorization: string | undefined, url: URL, body: Buffer): [number, Record<string, string>?, string?] {
    const form = new URLSearchParams(body.toString())
    const asked = form.size > 0 ? form : url.searchParams
    const known = authorization === basic || form.get('refresh_token') === 'an-identity-token'
    if (!known || asked.get('service') !== 'here') return [401, {}, this.#error('UNAUTHORIZED', 'wrong password')]
    if (!/^repository:team\/[a-z-]+:pull,push$/.test(asked.get('scope') ?? '')) return [400]
    return [200, {}, JSON.stringify({ token })]
  }

  /** n.b. A manifest is refused until all that it leads to is there. */
  #manifest(reference: string, body: Buffer): [number, Record<string, string>?, string?] {
    const { layers = [], config, manifests = [] } = JSON.parse(body.toString())
    const blobs = [...layers, ...(config ? [config] : [])].every(({ digest }) => this.blobs.has(digest))
    if (!blobs || !manifests.every(({ digest }: { digest: string }) => this.manifests.has(digest))) {
      return [400, {}, this.#error('MANIFEST_BLOB_UNKNOWN', reference)]
    }
    this.manifests.set(reference, body)
    return [201, { 'docker-content-digest': digestOf(body) }]
  }

  #error(code: string, message: string): string {
    return JSON.stringify({ errors: [{ code, message }] })
  }
}

export const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
