import { ConsumerLoop } from '../../runtime/consume.ts'
import { type ConsumerConfig, checkSpec, readConfig } from '../../runtime/core/config.ts'
import { Measurements } from '../../runtime/core/measurements.ts'
import type { ConsumerSpec, Delivery, EnvSpec, Handled } from '../../runtime/core/spec.ts'
import { topologyOf } from '../../runtime/core/topology.ts'
import type { MemoryBroker } from '../../runtime/doubles/broker.ts'
import { memoryBroker } from '../../runtime/doubles/broker.ts'
import { settle, TestClock } from '../../runtime/doubles/clock.ts'
import type { Counters, Log, OutgoingMessage } from '../../runtime/ports.ts'
import { countingInstruments } from '../../runtime/telemetry/instruments.ts'

export type AnySpec = ConsumerSpec<unknown, EnvSpec, unknown>
export type LogEntry = { level: string; message: string; fields: Record<string, unknown> }

export function recordingLog(entries: LogEntry[]): Log {
  const at = (level: string) => {
    return (message: string, fields: Record<string, unknown> = {}) => void entries.push({ level, message, fields })
  }
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => log }
  return log
}

export interface Consuming {
  readonly loop: ConsumerLoop
  readonly broker: MemoryBroker
  readonly clock: TestClock
  readonly counters: Counters
  readonly entries: LogEntry[]
  /** Publishes bodies to the queue and lets everything settle. */
  put(...bodies: string[]): Promise<void>
  readonly measurements: Measurements
  send(message: Partial<OutgoingMessage>): Promise<void>
}

/** A consumer's loop on a broker in memory, not started. The queue stands already. */
export function consuming(spec: Partial<AnySpec>, env: Record<string, string> = {}): Consuming {
  const clock = new TestClock()
  const broker = memoryBroker({ clock })
  const whole = checkSpec('fn', { queue: 'logs', handle: () => {}, ...spec }) as AnySpec
  const config = readConfig('fn', whole, env) as ConsumerConfig
  const entries: LogEntry[] = []
  const measurements = new Measurements()
  const instruments = countingInstruments(() => {}, measurements)
  const log = recordingLog(entries)
  const loop = new ConsumerLoop({
    config,
    spec: whole,
    broker,
    clock,
    random: () => 1,
    log,
    instruments,
    onReady: () => {},
  })
  broker.declare(topologyOf('logs', 'logs', [], whole.order !== undefined))
  let sent = 0
  const send = async (message: Partial<OutgoingMessage>) => {
    const messageId = `m${++sent}`
    broker.publish({ exchange: 'logs', routingKey: '', body: new Uint8Array(0), messageId, ...message })
    await settle()
  }
  const put = async (...bodies: string[]) => {
    for (const body of bodies) void send({ body: Buffer.from(body) })
    await settle()
  }
  return { loop, broker, clock, counters: instruments.counters, measurements, entries, put, send }
}

/** A handler that a test holds in its hands: each call waits until the test ends it. */
export class HeldHandler {
  readonly calls: { bodies: string[]; batch: readonly Delivery<unknown>[]; signal: AbortSignal; ended: boolean }[] = []
  readonly #endings: ((result: () => Handled) => void)[] = []

  readonly handle: AnySpec['handle'] = (batch, ctx) => {
    const call = { bodies: batch.map(({ bytes }) => text(bytes)), batch, signal: ctx.signal, ended: false }
    this.calls.push(call)
    return new Promise<Handled>((resolve, reject) => {
      this.#endings.push((result) => {
        call.ended = true
        try {
          resolve(result())
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  /** The bodies of each call so far. */
  get batches(): string[][] {
    return this.calls.map(({ bodies }) => bodies)
  }

  /** Ends a call: with nothing, or with what `result` returns or throws. */
  async end(call: number, result: (batch: readonly Delivery<unknown>[]) => Handled = () => {}): Promise<void> {
    const { batch } = this.calls[call] ?? { batch: [] }
    this.#endings[call]?.(() => result(batch))
    await settle()
  }
}

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

export const bodiesIn = (broker: MemoryBroker, queue: string): string[] =>
  broker.ready(queue).map(({ body }) => text(body))

/** Whether a promise has settled, without waiting for it. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true
  const settled = () => {
    pending = false
  }
  promise.then(settled, settled)
  await settle()
  return pending
}

/** What the counters' own sum says is still in flight. */
export const inFlight = ({ received, acked, repeated, retried, dead, handedBack, lost }: Counters): number =>
  received - acked - repeated - retried - dead - handedBack - lost
