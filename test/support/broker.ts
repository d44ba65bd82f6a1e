import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import type { Listeners } from '../../dev/broker/configuration.ts'
import { askManagement, type ManagementRequest } from '../../dev/broker/management.ts'
import { findServer } from '../../dev/broker/server-search.ts'
import { type BrokerHandle, provideBroker } from '../../dev/broker.ts'

/** What `test/run.ts` tells the test files of its broker. */
export interface TestBroker {
  readonly url: string
  readonly managementUrl: string
}

/** A connection as the management lists it; `user_provided_name` is the name that the client gave it. */
export interface ListedConnection {
  readonly name: string
  readonly user_provided_name?: string
  readonly state?: string
}

/** A queue as the management shows it. The counts are up to a second old, and missing in a queue's first second. */
export interface ListedQueue {
  readonly name: string
  readonly messages?: number
  readonly messages_ready?: number
  readonly messages_unacknowledged?: number
  readonly consumers?: number
  readonly arguments: Readonly<Record<string, unknown>>
}

/**
 * The broker that the test run provides.
 * @throws Error with the command to type if this file was not started by `test/run.ts`
 */
export function testBroker(): TestBroker {
  const url = process.env.KEDAFN_TEST_AMQP_URL
  const managementUrl = process.env.KEDAFN_TEST_MANAGEMENT_URL
  if (!url) {
    const file = relative(process.cwd(), process.argv[1] ?? 'FILE')
    throw new Error(`this test needs a broker; it is started by  npm test -- ${file}  (or  node test/run.ts ${file})`)
  }
  if (!managementUrl) {
    throw new Error(
      'AMQP_URL says which broker to test with, but not where its management is: set KEDAFN_TEST_MANAGEMENT_URL too, for instance to http://guest:guest@127.0.0.1:15672',
    )
  }
  return { url, managementUrl }
}

/** A vhost of its own for one test file, so that files cannot meet in a queue. Dispose of it when the file is through. */
export class Vhost implements AsyncDisposable {
  readonly vhost: string
  /** AMQP address of the vhost. */
  readonly url: string
  readonly managementUrl: string

  constructor({ url, managementUrl }: TestBroker, vhost: string) {
    const address = new URL(url)
    address.pathname = `/${encodeURIComponent(vhost)}`
    this.vhost = vhost
    this.url = address.href
    this.managementUrl = managementUrl
  }

  async open(): Promise<this> {
    const user = encodeURIComponent(decodeURIComponent(new URL(this.url).username || 'guest'))
    await this.#manage({ method: 'PUT', path: this.#path('vhosts'), body: {} })
    const body = { configure: '.*', write: '.*', read: '.*' }
    await this.#manage({ method: 'PUT', path: `${this.#path('permissions')}/${user}`, body })
    return this
  }

  /** Deletes the vhost, its queues with it; its connections are closed by the broker. */
  readonly dispose = async (): Promise<void> => {
    await this.#manage({ method: 'DELETE', path: this.#path('vhosts') })
  };

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose()
  }

  /** The open connections to this vhost. */
  readonly connections = async (): Promise<ListedConnection[]> => {
    const response = await this.#manage({ path: `${this.#path('vhosts')}/connections` })
    return response ? ((await response.json()) as ListedConnection[]) : []
  }

  /** Closes, by the broker's hand, those connections whose client-given name matches. @returns how many there were */
  readonly closeConnections = async (match: RegExp = /(?:)/): Promise<number> => {
    const chosen = (await this.connections()).filter(({ user_provided_name: name = '' }) => match.test(name))
    await Promise.all(
      chosen.map(({ name }) => this.#manage({ method: 'DELETE', path: `connections/${encodeURIComponent(name)}` })),
    )
    return chosen.length
  }

  /** A queue of this vhost, or null if there is none. */
  readonly queue = async (name: string): Promise<ListedQueue | null> => {
    const response = await this.#manage({ path: `${this.#path('queues')}/${encodeURIComponent(name)}` })
    return response && ((await response.json()) as ListedQueue)
  }

  /** While it stands, the queue `name` refuses what is published to it. */
  readonly fill = (name: string): Promise<unknown> => {
    const body = {
      pattern: `^${name}$`,
      'apply-to': 'queues',
      definition: { 'max-length': 0, overflow: 'reject-publish' },
    }
    return this.#manage({ method: 'PUT', path: `${this.#path('policies')}/full`, body })
  }

  readonly unfill = (): Promise<unknown> => this.#manage({ method: 'DELETE', path: `${this.#path('policies')}/full` })

  #path(kind: 'vhosts' | 'permissions' | 'queues' | 'policies'): string {
    return `${kind}/${encodeURIComponent(this.vhost)}`
  }

  /** @returns null if there is no such thing */
  async #manage(request: ManagementRequest): Promise<Response | null> {
    const response = await askManagement(this.managementUrl, request)
    if (response.status === 404) return null
    if (response.ok) return response
    const { method = 'GET', path } = request
    throw new Error(
      `the broker's management answered ${response.status} to ${method} ${path}: ${await response.text()}`,
    )
  }
}

/** @param name tells whose it is in the broker's lists; the vhost's own name is never used again */
export function openVhost(name: string, broker: TestBroker = testBroker()): Promise<Vhost> {
  return new Vhost(broker, `kedafn-test-${name}-${randomBytes(4).toString('hex')}`).open()
}

export interface OwnBroker extends TestBroker, AsyncDisposable {
  readonly broker: BrokerHandle
  readonly stateDir: string
  /** Runs `rabbitmqctl` on it. */
  ctl(...args: readonly string[]): Promise<string>
  /** Stops it and deletes its data. */
  dispose(): Promise<void>
}

/** A broker for one test that stops and starts it, never the one of `AMQP_URL`. Takes 3 s. */
export async function ownBroker(say: (line: string) => void = () => {}, listeners: Listeners = {}): Promise<OwnBroker> {
  const stateDir = mkdtempSync(join(tmpdir(), 'kedafn-broker-'))
  const remove = () => rmSync(stateDir, { recursive: true, force: true })
  const broker = await provideBroker({
    stateDir,
    env: { ...process.env, AMQP_URL: undefined },
    say,
    listeners,
  }).catch((error) => {
    remove()
    throw error
  })
  const dispose = async () => {
    await broker.stop()
    remove()
  }
  const { url, managementUrl } = broker
  if (managementUrl === null) throw new Error('a broker of its own has a management')
  const ctl = (...args: readonly string[]) => control(join(stateDir, 'broker'), args)
  return { broker, stateDir, url, managementUrl, ctl, dispose, [Symbol.asyncDispose]: dispose }
}

/** n.b. the node runs without epmd: what connects to it has to know its port. */
async function control(folder: string, args: readonly string[]): Promise<string> {
  const server = findServer(process.env)
  if (!server) throw new Error('there is no rabbitmqctl for a broker that does not run from an installed package')
  const { distribution } = JSON.parse(readFileSync(join(folder, 'ports.json'), 'utf8')) as { distribution: number }
  const env = {
    PATH: server.path,
    HOME: folder,
    LC_ALL: 'C.UTF-8',
    RABBITMQ_CONF_ENV_FILE: join(folder, 'environment'),
    RABBITMQ_NODENAME: 'kedafn@localhost',
    ERL_FLAGS: `-start_epmd false -dist_listen false -erl_epmd_port ${distribution}`,
  }
  const { stdout } = await promisify(execFile)(join(dirname(server.script), 'rabbitmqctl'), args, { env })
  return stdout
}
