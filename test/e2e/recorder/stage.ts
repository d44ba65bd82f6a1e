import { type ChannelModel, type ConfirmChannel, connect, type GetMessage } from 'amqplib'
import { askManagement } from '../../../dev/broker/management.ts'
import type { Seen } from '../../dev/autoscaler/recording.ts'
import { TcpProxy } from '../../support/tcp-proxy.ts'
import type { Kubectl } from '../support/kubectl.ts'
import type { Trace, TraceStep } from './trace.ts'
import { WorkForce } from './work-force.ts'

export interface Addresses {
  readonly amqpUrl: string
  readonly managementUrl: string
}

type Trigger = { readonly type: string; readonly metadata: Readonly<Record<string, string>> }

/** The broker's part of one trace: a vhost of its own with its queues, what consumers hold of them, and what KEDA is told of it. */
export class Stage implements AsyncDisposable {
  readonly #vhost: string
  readonly #addresses: Addresses
  readonly #held = new Map<string, GetMessage[]>()
  #proxy: TcpProxy | null = null
  #connection: ChannelModel | null = null
  #channel: ConfirmChannel | null = null
  #workForce: WorkForce | null = null

  constructor(vhost: string, addresses: Addresses) {
    this.#vhost = vhost
    this.#addresses = addresses
  }

  async open({ breakable = false, spec, work }: Trace): Promise<void> {
    const vhost = encodeURIComponent(this.#vhost)
    await this.#manage('PUT', `vhosts/${vhost}`, {})
    const { username } = new URL(this.#addresses.managementUrl)
    await this.#manage('PUT', `permissions/${vhost}/${username}`, { configure: '.*', write: '.*', read: '.*' })
    const address = new URL(this.#addresses.amqpUrl)
    address.pathname = `/${vhost}`
    this.#connection = await connect(address.href)
    this.#connection.on('error', () => {})
    this.#channel = await this.#connection.createConfirmChannel()
    for (const queue of queuesOf(spec)) await this.#declare(queue)
    const [trigger] = triggersOf(spec)
    if (work && trigger) this.#workForce = new WorkForce(address.href, trigger.metadata.queueName ?? '', work)
    if (!breakable || !trigger) return
    this.#proxy = await TcpProxy.to(this.#urlFor(trigger.metadata.protocol))
  }

  /** The triggers with the address of the broker, as KEDA needs it. */
  triggers({ spec }: Trace): readonly object[] {
    return triggersOf(spec).map((trigger) => ({
      ...trigger,
      metadata: { ...trigger.metadata, host: this.#host(trigger), vhostName: this.#vhost },
    }))
  }

  /** Lets as many replicas work, if they do at all. */
  resize(replicas: number): void {
    this.#workForce?.resize(replicas)
  }

  async act(step: TraceStep): Promise<void> {
    const { queue = 'work', publish = 0, take = 0, hold = 0, finish = 0, change } = step
    const channel = this.#channel
    if (!channel) throw new Error('the stage is not open')
    for (let i = 0; i < publish; i++) channel.sendToQueue(queue, Buffer.from('x'), { persistent: true })
    await channel.waitForConfirms()
    for (let i = 0; i < take; i++) await channel.get(queue, { noAck: true })
    const held = this.#held.get(queue) ?? []
    this.#held.set(queue, held)
    for (let i = 0; i < hold; i++) {
      const message = await channel.get(queue)
      if (message) held.push(message)
    }
    for (const message of held.splice(0, finish)) channel.ack(message)
    if (change === 'delete queue') await channel.deleteQueue(queue)
    if (change === 'declare queue') await this.#declare(queue)
    if (change === 'break connection') await this.#proxy?.shut()
    if (change === 'mend connection') await this.#proxy?.open()
  }

  /** What each trigger would be told at this moment. */
  see({ spec }: Trace): Promise<readonly Seen[]> {
    return Promise.all(
      triggersOf(spec).map(async ({ metadata }) => {
        const { queueName = '', protocol, excludeUnacknowledged } = metadata
        // n.b. the proxy that is shut says so at once; asking through it would say the same.
        if (this.#proxy && !this.#proxy.listening) return 'unreachable'
        if (protocol === 'amqp') return this.#ready(queueName)
        const path = `queues/${encodeURIComponent(this.#vhost)}/${queueName}?columns=messages,messages_ready`
        const response = await askManagement(this.#addresses.managementUrl, { path })
        if (!response.ok) {
          await response.body?.cancel()
          return 'missing'
        }
        const counts = (await response.json()) as { messages?: number; messages_ready?: number }
        return (excludeUnacknowledged === 'true' ? counts.messages_ready : counts.messages) ?? 0
      }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#workForce?.[Symbol.asyncDispose]()
    await this.#connection?.close().catch(() => {})
    await this.#proxy?.[Symbol.asyncDispose]()
    await this.#manage('DELETE', `vhosts/${encodeURIComponent(this.#vhost)}`)
  }

  async #declare(queue: string): Promise<void> {
    await this.#channel?.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
  }

  async #ready(queue: string): Promise<Seen> {
    const channel = await this.#connection?.createChannel()
    channel?.on('error', () => {})
    try {
      const ready = (await channel?.checkQueue(queue))?.messageCount ?? 0
      await channel?.close()
      return ready
    } catch {
      return 'missing'
    }
  }

  #host(trigger: Trigger): string {
    const url = this.#urlFor(trigger.metadata.protocol)
    return this.#proxy ? this.#proxy.via(url) : url
  }

  #urlFor(protocol: string | undefined): string {
    return protocol === 'http' ? this.#addresses.managementUrl : this.#addresses.amqpUrl
  }

  async #manage(method: 'PUT' | 'DELETE', path: string, body?: object): Promise<void> {
    const response = await askManagement(this.#addresses.managementUrl, { method, path, ...(body && { body }) })
    await response.body?.cancel()
    if (!response.ok) throw new Error(`the management answered ${response.status} to ${method} ${path}`)
  }
}

const triggersOf = (spec: Trace['spec']): readonly Trigger[] => spec.triggers as readonly Trigger[]
const queuesOf = (spec: Trace['spec']): ReadonlySet<string> =>
  new Set(triggersOf(spec).map(({ metadata }) => metadata.queueName ?? ''))

/** What KEDA scales: pods that do nothing. */
export const deployment = ({ replicas = 0, running = false }: Trace): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'consumer', labels: { 'kedafn-recording': 'true' } },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'consumer' } },
    template: {
      metadata: { labels: { app: 'consumer' } },
      spec: {
        ...(running ? {} : { schedulerName: 'nobody' }),
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'consumer', image: 'registry.k8s.io/pause:3.10', imagePullPolicy: 'IfNotPresent' }],
      },
    },
  },
})

const prefix = 'autoscaling.keda.sh/'

export const scaledObject = ({ spec, annotations = {} }: Trace, triggers: readonly object[]): object => ({
  apiVersion: 'keda.sh/v1alpha1',
  kind: 'ScaledObject',
  metadata: {
    name: 'consumer',
    annotations: Object.fromEntries(Object.entries(annotations).map(([name, value]) => [prefix + name, value])),
  },
  spec: { scaleTargetRef: { name: 'consumer' }, ...spec, triggers },
})

export async function annotate(kubectl: Kubectl, changes: NonNullable<TraceStep['annotate']>): Promise<void> {
  const said = Object.entries(changes).map(([name, value]) => prefix + name + (value === null ? '-' : `=${value}`))
  await kubectl.run('annotate', 'scaledobject', 'consumer', '--overwrite', ...said)
}
