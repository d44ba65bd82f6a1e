import { setTimeout as wait } from 'node:timers/promises'
import { BuildError } from '../functions.ts'
import type { Credentials } from './credentials.ts'
import type { Blob } from './layout.ts'

export interface RegistryOptions {
  /** As in an image's name: `ghcr.io`, `localhost:5000`, `docker.io`. Spoken to over TLS, unless it is this machine. */
  readonly registry: string
  /** What stands between the registry and the tag. */
  readonly repository: string
  readonly credentials: Credentials | null
  /** How long to wait before the second attempt, in ms; twice as long before each further one. 1000 by default. */
  readonly firstDelayMs?: number
}

interface Call {
  readonly method: 'HEAD' | 'GET' | 'POST' | 'PUT'
  readonly url: URL
  readonly content?: Blob
  readonly accept?: string
}

/** A registry that is away for a moment is asked again; one that refuses is not. */
const attempts = 5
const passingStatuses = [408, 429, 500, 502, 503, 504]
const callTimeoutMs = 30_000
const uploadTimeoutMs = 600_000
const longestDelayMs = 30_000

/** One repository of a registry, as the OCI distribution specification has it. */
export class Repository {
  readonly #base: URL
  readonly #options: RegistryOptions
  /** What the registry took last as proof of who this is. */
  #authorization: string | null = null

  constructor(options: RegistryOptions) {
    this.#options = options
    const { registry, repository } = options
    const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry
    this.#base = new URL(`${isThisMachine(registry) ? 'http' : 'https'}://${host}/v2/${repository}/`)
  }

  /** @returns false if the registry had it already */
  async putBlob(blob: Blob): Promise<boolean> {
    const known = await this.#send({ method: 'HEAD', url: new URL(`blobs/${blob.digest}`, this.#base) }, [200, 404])
    if (known.status === 200) return false
    await this.#retried(async () => {
      const { headers } = await this.#once({ method: 'POST', url: new URL('blobs/uploads/', this.#base) }, [202])
      const location = headers.get('location')
      if (location === null) throw new BuildError(`${this.#base.host} names no place to upload to`)
      const url = new URL(location, this.#base)
      // n.b. A registry behind a proxy that ends TLS may not know that it is spoken to over TLS.
      if (url.host === this.#base.host) url.protocol = this.#base.protocol
      if (url.protocol !== 'https:' && !isThisMachine(url.host)) {
        throw new BuildError(`${this.#base.host} wants the upload sent to ${url.origin}, which is not encrypted`)
      }
      url.searchParams.set('digest', blob.digest)
      return this.#once({ method: 'PUT', url, content: blob }, [201])
    })
    return true
  }

  /** @param reference a tag, or the manifest's own digest */
  async putManifest(manifest: Blob, reference: string): Promise<void> {
    const url = new URL(`manifests/${reference}`, this.#base)
    const { headers } = await this.#send({ method: 'PUT', url, content: manifest }, [201])
    const seen = headers.get('docker-content-digest')
    if (seen !== null && seen !== manifest.digest) {
      throw new BuildError(`${this.#base.host} stored ${reference} as ${seen} and not as ${manifest.digest}`)
    }
  }

  #send(call: Call, accepted: readonly number[]): Promise<Response> {
    return this.#retried(() => this.#once(call, accepted))
  }

  async #retried(work: () => Promise<Response>): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof PassingError)) throw error
        if (attempt === attempts) {
          throw new BuildError(`${error.message}; after ${attempts} attempts`)
        }
        const delayMs = (this.#options.firstDelayMs ?? 1000) * 2 ** (attempt - 1)
        // n.b. Jitter, or all builds that met the same failure come back at once.
        await wait(Math.min(error.afterMs ?? delayMs * (0.5 + Math.random() / 2), longestDelayMs))
      }
    }
  }

  async #once(call: Call, accepted: readonly number[]): Promise<Response> {
    let response = await this.#fetch(call)
    if (response.status === 401) {
      const challenge = response.headers.get('www-authenticate') ?? ''
      this.#authorization = await this.#answer(challenge)
      if (this.#authorization !== null) response = await this.#fetch(call)
    }
    if (accepted.includes(response.status)) return response
    const what = `${call.method} ${call.url.host}${call.url.pathname}: ${response.status}${await reasonOf(response)}`
    if (passingStatuses.includes(response.status)) throw new PassingError(what, retryAfterMs(response))
    if (response.status !== 401 && response.status !== 403) throw new BuildError(what)
    const { registry, credentials } = this.#options
    const hint = credentials
      ? `Docker's configuration has a login for ${registry}, but it may not do this`
      : `Docker's configuration has no login for ${registry}`
    throw new BuildError(`${what}\n${hint}: docker login ${registry}`)
  }

  /** n.b. An upload may be led to another host, which must not see what this one is told. */
  async #fetch({ method, url, content }: Call): Promise<Response> {
    const own = url.origin === this.#base.origin
    try {
      return await fetch(url, {
        method,
        headers: {
          ...(own && this.#authorization !== null ? { authorization: this.#authorization } : {}),
          ...(content
            ? { 'content-type': method === 'PUT' && isUpload(url) ? 'application/octet-stream' : content.mediaType }
            : {}),
        },
        ...(content ? { body: new Uint8Array(content.content) } : {}),
        signal: AbortSignal.timeout(content ? uploadTimeoutMs : callTimeoutMs),
      })
    } catch (error) {
      throw new PassingError(`${method} ${url.host}${url.pathname}: ${causeOf(error)}`)
    }
  }

  /** What to send instead, by the challenge of a 401. Null if nothing else can be sent. */
  async #answer(challenge: string): Promise<string | null> {
    const { credentials } = this.#options
    const [, bearer] = /\bbearer\s+(.*)$/is.exec(challenge) ?? []
    if (bearer !== undefined) {
      const field = (name: string) => new RegExp(`\\b${name}="([^"]*)"`, 'i').exec(bearer)?.[1]
      return `Bearer ${await this.#token(field('realm') ?? '', field('service'))}`
    }
    return /\bbasic\b/i.test(challenge) && credentials && 'user' in credentials ? basic(credentials) : null
  }

  async #token(realm: string, service: string | undefined): Promise<string> {
    const { repository, credentials } = this.#options
    if (!URL.canParse(realm)) throw new BuildError(`${this.#base.host} names no place to get a token from`)
    const url = new URL(realm)
    if (url.protocol !== 'https:' && !isThisMachine(url.host)) {
      throw new BuildError(`${this.#base.host} wants the login sent to ${url.origin}, which is not encrypted`)
    }
    const wanted = { scope: `repository:${repository}:pull,push`, ...(service === undefined ? {} : { service }) }
    let init: RequestInit = {}
    if (credentials && 'identityToken' in credentials) {
      const form = { grant_type: 'refresh_token', refresh_token: credentials.identityToken, client_id: 'kedafn' }
      init = { method: 'POST', body: new URLSearchParams({ ...form, ...wanted }) }
    } else {
      for (const [key, value] of Object.entries(wanted)) url.searchParams.set(key, value)
      if (credentials) init = { headers: { authorization: basic(credentials) } }
    }
    let response: Response
    try {
      response = await fetch(url, { ...init, signal: AbortSignal.timeout(callTimeoutMs) })
    } catch (error) {
      throw new PassingError(`token of ${url.host}: ${causeOf(error)}`)
    }
    const what = `token of ${url.host}: ${response.status}`
    if (passingStatuses.includes(response.status)) throw new PassingError(what, retryAfterMs(response))
    if (!response.ok) {
      throw new BuildError(`${what}${await reasonOf(response)}\ndocker login ${this.#options.registry}`)
    }
    const { token, access_token: accessToken } = (await response.json()) as { token?: string; access_token?: string }
    const given = token ?? accessToken
    if (!given) throw new BuildError(`${what}, but no token is in it`)
    return given
  }
}

/** What may be different the next time. */
class PassingError extends Error {
  readonly afterMs: number | undefined

  constructor(message: string, afterMs?: number) {
    super(message)
    this.afterMs = afterMs
  }
}

const isUpload = (url: URL): boolean => url.searchParams.has('digest')

const basic = ({ user, password }: { user: string; password: string }): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`

/** Only what cannot leave this machine may go unencrypted. */
const isThisMachine = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/.test(host)

function retryAfterMs(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  return Number.isFinite(seconds) ? seconds * 1000 : undefined
}

/** What a registry says of a failure, in the form that the specification gives it. */
async function reasonOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => '')
  try {
    const { errors = [] } = JSON.parse(text) as { errors?: { code?: string; message?: string }[] }
    const reasons = errors.map(({ code, message }) => [code, message].filter(Boolean).join(': '))
    return reasons.length > 0 ? ` (${reasons.join('; ')})` : ''
  } catch {
    return ''
  }
}

function causeOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code || message : message
}
