import { randomBytes } from 'node:crypto'
import { type Channel, connect } from 'amqplib'
import { askManagement } from '../../dev/broker/management.ts'
import { historyOf, topologyOf } from '../../runtime/core/topology.ts'

/** The exchange and the queue of log-producer and log-consumer. */
export const queue = 'logs'
const retryDelaysMs = [1000, 2000, 4000, 8000]

/** A vhost with the topology of `logs`. Who plays on it declares nothing, so all sides have the same queue. */
export interface Stage {
  /** For floors and rivals. */
  readonly url: string
  /** For functions: their user may not see arguments, so that they take a classic queue as it stands. */
  readonly env: Readonly<Record<string, string>>
  depth(): Promise<number>
  purge(): Promise<void>
}

export interface StageOptions {
  readonly type: 'quorum' | 'classic'
  /** Whether the exchange feeds the stream too. */
  readonly history: boolean
}

export class Stages {
  readonly #brokerUrl: string
  readonly #managementUrl: string
  readonly #user = `kedafn-bench-${process.pid}`
  readonly #password = randomBytes(12).toString('hex')
  #made: string[] = []
  #open: (() => Promise<void>)[] = []

  constructor(brokerUrl: string, managementUrl: string) {
    this.#brokerUrl = brokerUrl
    this.#managementUrl = managementUrl
  }

  async make({ type, history }: StageOptions): Promise<Stage> {
    const vhost = `${this.#user}-${this.#made.length}-${type}`
    if (this.#made.length === 0) await this.#ask('PUT', `users/${this.#user}`, { password: this.#password, tags: '' })
    this.#made.push(vhost)
    await this.#ask('PUT', `vhosts/${vhost}`, {})
    const own = decodeURIComponent(new URL(this.#brokerUrl).username || 'guest')
    const all = { configure: '.*', write: '.*', read: '.*' }
    await this.#ask('PUT', `permissions/${vhost}/${encodeURIComponent(own)}`, all)
    await this.#ask('PUT', `permissions/${vhost}/${this.#user}`, { ...all, configure: `^${queue}\\.lock\\.` })
    const url = this.#urlOf(vhost, null)
    const connection = await connect(url, { noDelay: true })
    const channel = await connection.createChannel()
    await declare(channel, { type, history })
    this.#open.push(() => connection.close())
    return {
      url,
      env: { AMQP_URL: this.#urlOf(vhost, this.#user), KEDAFN_TOPOLOGY: 'verify' },
      depth: async () => (await channel.checkQueue(queue)).messageCount,
      purge: async () => void (await channel.purgeQueue(queue)),
    }
  }

  /** n.b. only at the end: 3.10 may lose the supervisor of its dead-lettering when queues are deleted soon after they were made. */
  async dispose(): Promise<void> {
    for (const close of this.#open) await close()
    for (const vhost of this.#made) await this.#ask('DELETE', `vhosts/${vhost}`)
    if (this.#made.length > 0) await this.#ask('DELETE', `users/${this.#user}`)
  }

  #urlOf(vhost: string, user: string | null): string {
    const url = new URL(this.#brokerUrl)
    url.pathname = `/${vhost}`
    if (user !== null) Object.assign(url, { username: user, password: this.#password })
    return url.href
  }

  async #ask(method: 'PUT' | 'DELETE', path: string, body?: object): Promise<void> {
    const response = await askManagement(this.#managementUrl, { method, path, ...(body && { body }) })
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  }
}

async function declare(channel: Channel, { type, history }: StageOptions): Promise<void> {
  for (const declaration of topologyOf(queue, queue, retryDelaysMs)) {
    if (declaration.kind === 'exchange') await channel.assertExchange(declaration.name, declaration.type)
    else if (declaration.kind === 'queue') {
      const classic = type === 'classic' && declaration.name === queue
      await channel.assertQueue(declaration.name, { durable: true, arguments: classic ? {} : declaration.arguments })
    } else if (history || declaration.queue !== historyOf(queue)) {
      await channel.bindQueue(declaration.queue, declaration.exchange, '')
    }
  }
}
