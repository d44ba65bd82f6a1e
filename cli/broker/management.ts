import { askManagement } from '../../dev/broker/management.ts'
import { redactUrl } from '../../runtime/core/address.ts'
import { describe } from '../../runtime/core/errors.ts'
import { CommandError, type Io } from '../command.ts'
import { type Reach, reachOf, vhostOf } from './reach.ts'

/** The broker's HTTP API. Paths are those below `/api/`, their parts percent-encoded. */
export interface Management {
  /** The broker's vhost, percent-encoded: for paths. */
  readonly vhost: string
  /** @returns null if there is no such thing (404) */
  get<T>(path: string): Promise<T | null>
  send(method: 'PUT' | 'DELETE', path: string, body?: unknown): Promise<void>
}

/** Finds the management of the broker. @throws CommandError if it does not answer */
export async function management(io: Io, reach: Reach = reachOf(io)): Promise<Management> {
  const failures: string[] = []
  for (const base of reach.managementUrls) {
    try {
      const response = await askManagement(base, { path: 'whoami', signal: io.signal })
      await response.body?.cancel()
      if (response.status === 401) failures.push(`${redactUrl(base)} refuses user or password`)
      else return managementAt(base, reach, io)
    } catch (error) {
      failures.push(`${redactUrl(base)}: ${describe((error as Error).cause ?? error)}`)
    }
  }
  throw new CommandError(
    `the broker's management does not answer: ${failures.join('; ')}`,
    'Enable it with  rabbitmq-plugins enable rabbitmq_management  or say where it is: KEDAFN_MANAGEMENT_URL=http://user:password@host:15672',
  )
}

function managementAt(base: string, reach: Reach, { signal }: Io): Management {
  const ask = async (method: 'GET' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<unknown> => {
    const response = await askManagement(base, { method, path, body, signal })
    const text = await response.text()
    if (response.status === 404) return null
    if (response.ok) return text === '' ? null : JSON.parse(text)
    const advice = response.status === 401 || response.status === 403 ? 'The user needs the tag monitoring' : null
    throw new CommandError(
      `the management at ${redactUrl(base)} answered ${response.status} to ${path}: ${text}`,
      advice,
    )
  }
  return {
    vhost: encodeURIComponent(vhostOf(reach)),
    get: async <T>(path: string) => (await ask('GET', path)) as T | null,
    send: async (method, path, body) => void (await ask(method, path, body)),
  }
}
