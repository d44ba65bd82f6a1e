import { DropError } from '#runtime'

export interface AlertOptions {
  readonly ALERT_URL: string
  readonly ALERT_PATTERN: string
  readonly ALERT_TIMEOUT_MS: string
}

/** Which lines are alerts, and how they are posted. */
export class Alerts {
  readonly #pattern: RegExp
  readonly #url: URL
  readonly #headers: Readonly<Record<string, string>>
  readonly #timeoutMs: number

  /** @throws Error naming the variable, its value and what is expected; an address may hold a secret and is not shown */
  constructor({ ALERT_URL, ALERT_PATTERN, ALERT_TIMEOUT_MS }: AlertOptions) {
    const url = URL.parse(ALERT_URL)
    const authorization = url && authorizationOf(url)
    if (!url || !authorization || !/^https?:$/.test(url.protocol)) {
      throw new Error('ALERT_URL is ***; expected an http or https address, user and password percent-encoded')
    }
    // n.b. fetch refuses an address that holds a user or a password: they are sent as a header.
    url.username = ''
    url.password = ''
    this.#url = url
    this.#headers = { 'content-type': 'application/json', ...authorization }
    this.#pattern = patternOf(ALERT_PATTERN)
    this.#timeoutMs = Number(ALERT_TIMEOUT_MS)
    if (!/^\d{1,5}$/.test(ALERT_TIMEOUT_MS) || this.#timeoutMs < 1 || this.#timeoutMs > 60_000) {
      throw new Error(
        `ALERT_TIMEOUT_MS is ${JSON.stringify(ALERT_TIMEOUT_MS)}; expected a whole number from 1 to 60000`,
      )
    }
  }

  match(line: string): boolean {
    return this.#pattern.test(line)
  }

  /**
   * Resolves once the webhook has taken the alert.
   * @throws DropError if it refuses it for good, Error if it may take it another time, the reason of `signal` if that fires
   */
  async post(id: string, line: string, signal: AbortSignal): Promise<void> {
    const headers = { ...this.#headers, ...idempotencyOf(id) }
    const body = JSON.stringify({ id, line })
    const limits = AbortSignal.any([signal, AbortSignal.timeout(this.#timeoutMs)])
    let response: Response
    try {
      // A redirect that is followed can turn a POST into a GET, which succeeds and alerts nobody.
      response = await fetch(this.#url, { method: 'POST', headers, body, redirect: 'manual', signal: limits })
    } catch (error) {
      throw signal.aborted ? signal.reason : new Error(this.#describe(error), { cause: error })
    }
    // The status has decided. The rest is read because a connection is used again only after it.
    await response.body?.pipeTo(new WritableStream()).catch(() => {})
    const { ok, status } = response
    if (ok) return
    const answer = `the webhook answered ${status}`
    throw status >= 400 && status < 500 && status !== 429 ? new DropError(answer) : new Error(answer)
  }

  /** n.b. fetch says "fetch failed" whatever happened; what did happen is the cause. */
  #describe(error: unknown): string {
    const { name, cause } = error as Error
    if (name === 'TimeoutError') return `the webhook did not answer within ${this.#timeoutMs} ms (ALERT_TIMEOUT_MS)`
    const { code, message } = (cause ?? error) as NodeJS.ErrnoException
    return `the webhook cannot be reached: ${code ?? message}`
  }
}

function patternOf(source: string): RegExp {
  try {
    return new RegExp(source)
  } catch (error) {
    throw new Error(`ALERT_PATTERN is ${JSON.stringify(source)}; expected a regular expression`, { cause: error })
  }
}

/** The header for the user and password of an address; null if they cannot be decoded. */
function authorizationOf({ username, password }: URL): Record<string, string> | null {
  if (username === '' && password === '') return {}
  try {
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    return { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }
  } catch {
    return null
  }
}

/** The same key for every copy of a message, so that the webhook can tell a repeat. A message without id has none to give. */
function idempotencyOf(id: string): Record<string, string> {
  // Ids of the runtime's own producers are plain ASCII and stay as they are; in others may be what a header cannot carry.
  return id === '' ? {} : { 'idempotency-key': encodeURI(id.toWellFormed()) }
}
