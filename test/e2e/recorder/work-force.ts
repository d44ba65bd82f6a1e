import { setTimeout as delay } from 'node:timers/promises'
import { type Channel, type ChannelModel, type ConsumeMessage, connect } from 'amqplib'
import type { Work } from '../../dev/autoscaler/recording.ts'

interface Worker {
  readonly stop: () => Promise<void>
}

/** As many consumers as the Deployment is set to have, in the place of its pods: each takes its time to start, and for each batch. */
export class WorkForce implements AsyncDisposable {
  readonly #url: string
  readonly #queue: string
  readonly #work: Work
  readonly #workers: Worker[] = []
  #connection: Promise<ChannelModel> | null = null

  constructor(url: string, queue: string, work: Work) {
    this.#url = url
    this.#queue = queue
    this.#work = work
  }

  resize(replicas: number): void {
    while (this.#workers.length < replicas) this.#workers.push(this.#hire())
    while (this.#workers.length > replicas) void this.#workers.pop()?.stop()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.resize(0)
    await (await this.#connection)?.close().catch(() => {})
  }

  #hire(): Worker {
    const leaving = new AbortController()
    const channel = this.#begin(leaving.signal)
    return {
      async stop() {
        leaving.abort()
        await (await channel)?.close().catch(() => {})
      },
    }
  }

  async #begin(leaving: AbortSignal): Promise<Channel | null> {
    const { coldStartMs, prefetch, batchSize, handlerMs } = this.#work
    this.#connection ??= connect(this.#url).then((connection) => connection.on('error', () => {}))
    const connection = await this.#connection
    await delay(coldStartMs, undefined, { signal: leaving }).catch(() => {})
    if (leaving.aborted) return null
    const channel = await connection.createChannel()
    channel.on('error', () => {})
    const held: ConsumeMessage[] = []
    let busy = false
    // One batch after the other. What is held when it leaves goes back with the channel, what runs too: nothing depends on who does it.
    const next = async (): Promise<void> => {
      if (busy || held.length === 0 || leaving.aborted) return
      busy = true
      const batch = held.splice(0, batchSize)
      await delay(handlerMs, undefined, { signal: leaving }).catch(() => {})
      if (leaving.aborted) return
      for (const message of batch) channel.ack(message)
      busy = false
      void next()
    }
    await channel.prefetch(prefetch)
    await channel.consume(this.#queue, (message) => {
      if (message) held.push(message)
      void next()
    })
    return channel
  }
}
