import { setTimeout as delay } from 'node:timers/promises'

const answerTimeoutMs = 15_000

export interface ManagementRequest {
  readonly method?: 'GET' | 'PUT' | 'DELETE'
  /** Below `/api/`, its parts percent-encoded. */
  readonly path: string
  readonly body?: unknown
  readonly signal?: AbortSignal
}

/**
 * Asks the management's HTTP API.
 * @param base with user and password, which `fetch` refuses in an address: they are sent as a header
 */
export function askManagement(
  base: string,
  { method = 'GET', path, body, signal }: ManagementRequest,
): Promise<Response> {
  const address = new URL(base)
  const login = `${decodeURIComponent(address.username)}:${decodeURIComponent(address.password)}`
  address.username = ''
  address.password = ''
  const timeout = AbortSignal.timeout(answerTimeoutMs)
  return fetch(`${address.href.replace(/\/$/, '')}/api/${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(login).toString('base64')}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  })
}

/** The version of the broker behind the management, or null while it does not answer. */
export async function managedVersion(base: string): Promise<string | null> {
  try {
    const response = await askManagement(base, { path: 'overview' })
    if (!response.ok) return null
    const { rabbitmq_version: version } = (await response.json()) as { rabbitmq_version: string }
    return version
  } catch {
    return null
  }
}

/** Asks again until the answer is neither null nor false. @throws the signal's reason once it aborts */
export async function poll<T>(intervalMs: number, signal: AbortSignal, ask: () => Promise<T>): Promise<NonNullable<T>> {
  for (;;) {
    signal.throwIfAborted()
    const answer = await ask()
    signal.throwIfAborted()
    if (answer) return answer
    await delay(intervalMs)
  }
}
