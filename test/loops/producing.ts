import { Checkpointer } from '../../runtime/checkpointer.ts'
import { checkSpec, type ProducerConfig, readConfig } from '../../runtime/core/config.ts'
import type { EnvSpec, ProducerSpec } from '../../runtime/core/spec.ts'
import { topologyOf } from '../../runtime/core/topology.ts'
import { type MemoryBroker, memoryBroker } from '../../runtime/doubles/broker.ts'
import { TestClock } from '../../runtime/doubles/clock.ts'
import { MemoryCheckpointStore, MemoryFile } from '../../runtime/doubles/source.ts'
import type { CheckpointStore, Clock, Counters, Publisher, Source } from '../../runtime/ports.ts'
import { ProducerLoop } from '../../runtime/produce.ts'
import { countingInstruments } from '../../runtime/telemetry/instruments.ts'
import { type LogEntry, recordingLog } from './consuming.ts'

export type AnySpec = ProducerSpec<unknown, EnvSpec>

export interface Started {
  readonly loop: ProducerLoop
  readonly done: Promise<void>
  readonly publisher: Publisher
  readonly counters: Counters
}

export interface Producing {
  readonly file: MemoryFile
  readonly store: MemoryCheckpointStore
  readonly broker: MemoryBroker
  readonly clock: TestClock
  readonly entries: LogEntry[]
  /** A life of the producer, from the last checkpoint on. `store` stands in for the one that remembers. */
  start(store?: CheckpointStore): Promise<Started>
}

/** A file, a broker, and a producer between them that can be started again and again. */
export function producing(content: string | Uint8Array, spec: Partial<AnySpec> = {}, env = {}, once = true): Producing {
  const clock = new TestClock()
  const broker = memoryBroker({ clock })
  const file = new MemoryFile(content)
  const store = new MemoryCheckpointStore()
  const entries: LogEntry[] = []
  const source = { kind: 'lines', path: 'input.txt' } as const
  const map: AnySpec['map'] = (line) => ({ body: line.bytes })
  const whole = checkSpec('fn', { source, queue: 'logs', map, ...spec }) as AnySpec
  const config = readConfig('fn', whole, env) as ProducerConfig

  const start = async (used: CheckpointStore = store): Promise<Started> => {
    const instruments = countingInstruments()
    const topology = topologyOf('logs', 'logs', [])
    const publisher = broker.publisher({ window: config.window, windowBytes: 2 ** 26, topology })
    const loop = new ProducerLoop({
      config,
      spec: whole,
      source: file.source({ once, checkpoint: await store.load(), maxReadBytes: 50 }),
      store: used,
      publisher,
      clock,
      log: recordingLog(entries),
      instruments,
    })
    return { loop, done: loop.run(), publisher, counters: instruments.counters }
  }
  return { file, store, broker, clock, entries, start }
}

/** `count` lines of 8 bytes, newline included. */
export const numbered = (count: number, from = 0): string =>
  Array.from({ length: count }, (_, index) => `${String(from + index).padStart(7, '0')}\n`).join('')

/** A checkpointer on its own, whose queue stands. */
export const checkpointer = (
  source: Source,
  store: CheckpointStore,
  clock: Clock,
  checkpointLines = 10,
): Checkpointer =>
  new Checkpointer({
    ...{ source, store, clock, checkpointLines },
    standing: async () => {},
    instruments: countingInstruments(),
    window: 10,
    checkpointMs: 100,
  })
