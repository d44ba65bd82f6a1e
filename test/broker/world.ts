import { after, type TestContext } from 'node:test'
import { connect } from 'amqplib'
import { ConsumerLoop } from '../../runtime/consume.ts'
import { rereadBroker } from '../../runtime/core/broker-config.ts'
import { type ConsumerConfig, readConfig } from '../../runtime/core/config.ts'
import type { ConsumerSpec, EnvSpec } from '../../runtime/core/spec.ts'
import type { Broker, Clock, Instruments, LockingBroker, Random } from '../../runtime/ports.ts'
import { rabbitmq } from '../../runtime/rabbitmq/broker.ts'
import { systemClock } from '../../runtime/system/clock.ts'
import { readText } from '../../runtime/system/read-text.ts'
import { VitalSigns } from '../../runtime/system/vitals.ts'
import { countingInstruments } from '../../runtime/telemetry/instruments.ts'
import { type LogEntry, recordingLog } from '../loops/consuming.ts'
import { openVhost } from '../support/broker.ts'

export interface RealBroker {
  readonly broker: Broker & LockingBroker
  readonly instruments: Instruments
  /** What the adapter logged. */
  readonly entries: LogEntry[]
  readonly health: VitalSigns
}

interface AdapterOptions {
  readonly mode?: 'declare' | 'verify'
  readonly heartbeatS?: number
  /** For how long a session may be away, in ms. */
  readonly budgetMs?: number
  readonly clock?: Clock
  readonly env?: Readonly<Record<string, string>>
  /** 0 reconnects at once. */
  readonly random?: Random
}

/** The adapter under test, on a broker's address. */
export function adapter(
  url: string,
  {
    mode = 'declare',
    heartbeatS,
    env = {},
    budgetMs = 300_000,
    clock = systemClock,
    random = Math.random,
  }: AdapterOptions = {},
): RealBroker {
  const entries: LogEntry[] = []
  const instruments = countingInstruments()
  const log = recordingLog(entries)
  const health = new VitalSigns(clock, log, budgetMs)
  const connecting = {
    broker: () => rereadBroker('test', { AMQP_URL: url, ...env }, readText),
    connectionName: 'kedafn test',
    clock,
    random,
    log,
    instruments,
    health,
    ...(heartbeatS === undefined ? {} : { heartbeatS }),
  }
  return { broker: rabbitmq(connecting, mode), instruments, entries, health }
}

/** The consumer's loop over a real broker, its configuration as the spec says. */
export function consumerLoop(
  { broker, instruments, entries }: RealBroker,
  spec: ConsumerSpec<unknown, EnvSpec, unknown>,
  { random = Math.random, onReady = () => {} }: { random?: Random; onReady?: () => void } = {},
): ConsumerLoop {
  const config = readConfig('fn', spec, {}) as ConsumerConfig
  const log = recordingLog(entries)
  return new ConsumerLoop({ config, spec, broker, clock: systemClock, random, log, instruments, onReady })
}

/** A vhost for one test file, and what a test asks the broker behind the adapter's back. */
export async function vhostFor(file: string) {
  const vhost = await openVhost(file)
  const admin = await connect(vhost.url, { noDelay: true })
  let names = 0
  after(async () => {
    await admin.close()
    await vhost.dispose()
  })

  /** n.b. a failed check closes its channel, so each question has one of its own. */
  async function ask<T>(question: (channel: Awaited<ReturnType<typeof admin.createConfirmChannel>>) => Promise<T>) {
    const channel = await admin.createConfirmChannel()
    channel.on('error', () => {})
    const answer = await question(channel)
    await channel.close()
    return answer
  }

  return {
    vhost: vhost.vhost,
    url: vhost.url,
    managementUrl: vhost.managementUrl,
    ask,
    /** A name that nothing else in this file uses. */
    name: (t: TestContext): string => `${t.name.replaceAll(/[^a-z]+/g, '-').slice(0, 40)}.${++names}`,
    ready: (queue: string): Promise<number> => ask(async (channel) => (await channel.checkQueue(queue)).messageCount),
    /** Takes out what waits in a queue. */
    take: (queue: string): Promise<Buffer[]> =>
      ask(async (channel) => {
        const taken: Buffer[] = []
        for (let message = await channel.get(queue); message; message = await channel.get(queue)) {
          taken.push(message.content)
          channel.ack(message)
        }
        return taken
      }),
    /** Asks the management API; `path` follows `/api/`. null: there is no such thing. */
    async api(method: string, path: string, body?: unknown): Promise<unknown> {
      const { username, password, origin } = new URL(vhost.managementUrl)
      const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
      const authorization = `Basic ${Buffer.from(login).toString('base64')}`
      const response = await fetch(`${origin}/api/${path}`, {
        method,
        headers: { authorization, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      if (!response.ok && response.status !== 404) throw new Error(`${method} ${path}: ${response.status} ${text}`)
      return response.ok && text !== '' ? JSON.parse(text) : null
    },
  }
}
