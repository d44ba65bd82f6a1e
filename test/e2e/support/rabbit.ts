import type { ChildProcess } from 'node:child_process'
import { connect } from 'amqplib'
import { topologyOf } from '../../../runtime/core/topology.ts'
import type { Kubectl } from './kubectl.ts'

export interface Login {
  readonly username: string
  readonly password: string
  readonly vhost: string
}

export interface Queue {
  readonly messages: number
  readonly ready: number
  readonly unacked: number
  readonly consumers: number
}

interface Forward {
  readonly port: number
  readonly child: ChildProcess
}

async function end(forward: Promise<Forward> | undefined): Promise<void> {
  await forward?.then(
    ({ child }) => child.kill(),
    () => {},
  )
}

/** A scenario's RabbitMQ, asked and fed through the API server: from anywhere that kubectl reaches. */
export class Rabbit implements AsyncDisposable {
  readonly #kubectl: Kubectl
  readonly #login: Login
  readonly #forwards = new Map<number, Promise<Forward>>()

  constructor(kubectl: Kubectl, login: Login) {
    this.#kubectl = kubectl
    this.#login = login
  }

  /** One forward for each port, whoever asks first; questions may overlap. */
  async #portOf(port: number): Promise<number> {
    let forward = this.#forwards.get(port)
    if (!forward) {
      forward = this.#kubectl.forward('service/rabbitmq', port)
      this.#forwards.set(port, forward)
    }
    return (await forward).port
  }

  /** n.b. kubectl goes on forwarding to a pod that was replaced: after a failure a new one is begun. */
  async #once<T>(port: number, work: (local: number) => Promise<T>): Promise<T> {
    const used = this.#forwards.get(port)
    try {
      return await work(await this.#portOf(port))
    } catch (error) {
      const forward = this.#forwards.get(port)
      if (used === undefined || forward === used) {
        this.#forwards.delete(port)
        await end(forward)
      }
      throw error
    }
  }

  /** What the management API says of a queue; null if there is none. */
  queue(name: string): Promise<Queue | null> {
    const { username, password, vhost } = this.#login
    return this.#once(15_672, async (port) => {
      const path = `/api/queues/${encodeURIComponent(vhost)}/${encodeURIComponent(name)}`
      const headers = { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers })
      if (response.status === 404) return null
      if (!response.ok) throw new Error(`the management API answered ${response.status}`)
      const {
        messages = 0,
        messages_ready = 0,
        messages_unacknowledged = 0,
        consumers = 0,
      } = (await response.json()) as Record<string, number>
      return { messages, ready: messages_ready, unacked: messages_unacknowledged, consumers }
    })
  }

  /** How many messages wait in a queue right now: the management API is seconds behind. */
  ready(name: string): Promise<number> {
    return this.#channel(async (channel) => (await channel.checkQueue(name)).messageCount)
  }

  /** A durable quorum queue as the runtime would declare it. */
  declare(queue: string): Promise<void> {
    return this.#channel(async (channel) => {
      for (const { kind, ...declared } of topologyOf(queue, queue)) {
        if (kind === 'queue' && 'arguments' in declared)
          await channel.assertQueue(declared.name, { durable: true, arguments: declared.arguments })
      }
    })
  }

  /** Publishes confirmed, `count` at a time. */
  publish(exchange: string, bodies: readonly string[], routingKey = ''): Promise<void> {
    return this.#channel(async (channel) => {
      for (const [index, body] of bodies.entries()) {
        const messageId = `${exchange}-${body}`
        channel.publish(exchange, routingKey, Buffer.from(body), { persistent: true, messageId })
        if (index % 500 === 499) await channel.waitForConfirms()
      }
      await channel.waitForConfirms()
    })
  }

  /** What is in a queue, left there, with the cause that dead letters have. */
  bodies(queue: string): Promise<readonly { readonly body: string; readonly cause: string }[]> {
    return this.#channel(async (channel) => {
      const bodies: { body: string; cause: string }[] = []
      for (let message = await channel.get(queue); message; message = await channel.get(queue)) {
        bodies.push({ body: message.content.toString(), cause: String(message.properties.headers?.['kedafn-cause']) })
      }
      // Unacked, they go back with the channel.
      return bodies
    })
  }

  /** The bodies of all that was published to a queue, in order, as its history stream has them. */
  history(queue: string): Promise<readonly string[]> {
    return this.#channel(async (channel) => {
      await channel.prefetch(1000)
      const bodies: string[] = []
      const last = `the end of ${queue} ${Date.now()}`
      await new Promise<void>((resolve, reject) => {
        const options = { arguments: { 'x-stream-offset': 'first' } }
        const taken = channel.consume(
          `${queue}.history`,
          (message) => {
            if (!message) return reject(new Error('the stream is gone'))
            channel.ack(message)
            const body = message.content.toString()
            if (body === last) resolve()
            else bodies.push(body)
          },
          options,
        )
        taken.then(() => channel.publish('', `${queue}.history`, Buffer.from(last)), reject)
      })
      return bodies
    })
  }

  #channel<T>(
    work: (channel: Awaited<ReturnType<Awaited<ReturnType<typeof connect>>['createConfirmChannel']>>) => Promise<T>,
  ) {
    const { username, password, vhost } = this.#login
    return this.#once(5672, async (port) => {
      const connection = await connect(
        {
          protocol: 'amqp',
          hostname: '127.0.0.1',
          port,
          username,
          password,
          vhost: encodeURIComponent(vhost),
          heartbeat: 0,
        },
        { noDelay: true, timeout: 10_000 },
      )
      connection.on('error', () => {})
      try {
        const channel = await connection.createConfirmChannel()
        channel.on('error', () => {})
        return await work(channel)
      } finally {
        await connection.close().catch(() => {})
      }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#forwards.values()].map(end))
  }
}
