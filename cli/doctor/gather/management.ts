import { askManagement } from '../../../dev/broker/management.ts'
import { redactUrl } from '../../../runtime/core/address.ts'
import { describe } from '../../../runtime/core/errors.ts'
import type { BrokerObjects } from '../../topology/comparison.ts'
import type { Failure, ManagementFacts, NodeFacts, QueueFacts, UserFacts } from '../facts.ts'

type Json = Readonly<Record<string, unknown>>

/** What the management of a broker tells of a vhost, or why it tells nothing. Never rejects. */
export async function askBroker(
  bases: readonly string[],
  vhost: string,
  signal: AbortSignal,
): Promise<ManagementFacts | Failure> {
  let failure: Failure = { code: null, message: 'there is no address of a management' }
  for (const base of bases) {
    try {
      return await new Asking(base, vhost, signal).all()
    } catch (error) {
      if (signal.aborted) throw signal.reason
      const status = error instanceof Refusal ? { status: error.status } : {}
      const message = `${redactUrl(base)}: ${describe((error as Error).cause ?? error)}`
      failure = { code: null, message, ...status }
    }
  }
  return failure
}

/** An answer that is no success. */
class Refusal extends Error {
  readonly status: number

  constructor(status: number, path: string) {
    super(
      status === 401
        ? 'it refuses the user or the password, or the user has no tag'
        : `it answers ${status} to ${path}`,
    )
    this.status = status
  }
}

/** The questions to one management. */
class Asking {
  readonly #base: string
  readonly #vhost: string
  readonly #path: string
  readonly #signal: AbortSignal
  #clock: number | null = null

  constructor(base: string, vhost: string, signal: AbortSignal) {
    this.#base = base
    this.#vhost = vhost
    this.#path = encodeURIComponent(vhost)
    this.#signal = signal
  }

  async all(): Promise<ManagementFacts> {
    const overview = (await this.#ask<Json>('overview')) ?? {}
    const [nodes, queues, exchanges, bindings, users, permissions, deprecated] = await Promise.all([
      this.#askIfMay<readonly Json[]>('nodes'),
      this.#askIfMay<readonly Json[]>(`queues/${this.#path}`),
      this.#askIfMay<readonly Json[]>(`exchanges/${this.#path}`),
      this.#askIfMay<readonly Json[]>(`bindings/${this.#path}`),
      this.#askIfMay<readonly Json[]>('users'),
      this.#askIfMay<readonly Json[]>('permissions'),
      this.#askIfMay<readonly Json[]>('deprecated-features/used'),
    ])
    return {
      version: `${overview.rabbitmq_version ?? ''}`,
      statsDisabled: overview.disable_stats === true,
      clock: this.#clock,
      nodes: (nodes ?? []).map(nodeOf),
      vhostFound: queues !== null,
      objects: objectsOf(exchanges ?? [], queues ?? [], bindings ?? []),
      queues: (queues ?? []).map(queueOf),
      users: users && permissions && users.map((user) => userOf(user, permissions, this.#vhost)),
      deprecated: (deprecated ?? []).map(({ name }) => `${name}`),
    }
  }

  /** @returns null if there is no such thing */
  async #ask<T>(path: string): Promise<T | null> {
    const response = await askManagement(this.#base, { path, signal: this.#signal })
    this.#clock ??= dateOf(response.headers.get('date'))
    if (response.ok) return (await response.json()) as T
    await response.body?.cancel()
    if (response.status === 404) return null
    throw new Refusal(response.status, path)
  }

  /** @returns null also if this user may not ask it */
  async #askIfMay<T>(path: string): Promise<T | null> {
    try {
      return await this.#ask<T>(path)
    } catch (error) {
      if (error instanceof Refusal && (error.status === 401 || error.status === 403)) return null
      throw error
    }
  }
}

const dateOf = (header: string | null): number | null => {
  const at = Date.parse(header ?? '')
  return Number.isNaN(at) ? null : at
}

const nodeOf = (node: Json): NodeFacts => ({
  name: `${node.name}`,
  running: node.running !== false,
  memoryAlarm: node.mem_alarm === true,
  diskAlarm: node.disk_free_alarm === true,
})

const numberOf = (value: unknown): number | null => (typeof value === 'number' ? value : null)
const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null)
const textsOf = (value: unknown): readonly string[] => (Array.isArray(value) ? value.map((one) => `${one}`) : [])

const queueOf = (queue: Json): QueueFacts => ({
  name: `${queue.name}`,
  type: textOf(queue.type) ?? 'classic',
  arguments: (queue.arguments ?? {}) as Json,
  state: textOf(queue.state),
  leader: textOf(queue.leader),
  members: textsOf(queue.members),
  online: textsOf(queue.online),
  messages: numberOf(queue.messages),
  ready: numberOf(queue.messages_ready),
  unacked: numberOf(queue.messages_unacknowledged),
  consumers: numberOf(queue.consumers),
  growth: numberOf((queue.messages_details as Json | undefined)?.rate),
})

const userOf = (user: Json, permissions: readonly Json[], vhost: string): UserFacts => {
  const record = permissions.find((one) => one.user === user.name && one.vhost === vhost)
  return {
    name: `${user.name}`,
    // n.b. A list, and up to 3.8 text with commas.
    tags: Array.isArray(user.tags) ? textsOf(user.tags) : `${user.tags ?? ''}`.split(',').filter((tag) => tag !== ''),
    permissions: record ? { configure: `${record.configure}`, write: `${record.write}`, read: `${record.read}` } : null,
  }
}

const objectsOf = (exchanges: readonly Json[], queues: readonly Json[], bindings: readonly Json[]): BrokerObjects => ({
  exchanges: exchanges.map((one) => ({
    name: `${one.name}`,
    type: `${one.type}`,
    durable: one.durable === true,
    arguments: (one.arguments ?? {}) as Json,
  })),
  queues: queues.map((one) => ({
    name: `${one.name}`,
    durable: one.durable === true,
    arguments: (one.arguments ?? {}) as Json,
  })),
  bindings: bindings.map((one) => ({
    source: `${one.source}`,
    destination: `${one.destination}`,
    destinationType: `${one.destination_type}`,
  })),
})
