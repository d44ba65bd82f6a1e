import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256 } from '../input.ts'
import type { Bench } from './bench.ts'
import { type Child, until } from './child.ts'
import type { Sample } from './result.ts'
import { queue, type Stage } from './stage.ts'

/** A producer and a consumer, each a process, that take a file to another file. */
export interface Pipe {
  producer(input: string, run: string): Promise<Child> | Child
  consumer(output: string): Promise<Child> | Child
  /** Called with both while they work; what it returns ends it. */
  meanwhile?(consumer: Child, producer: Child): () => void
}

/** What the runtime says when it consumes, and what the rivals say. */
export const consuming = /ready|"consuming"/

/** A hundred lines a message, and batches that are worth a sync. */
export const packing = { KEDAFN_LINES_PER_MESSAGE: '100', KEDAFN_BATCH_SIZE: '5000' }

export const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

/** Inputs do not change. */
const hashes = new Map<string, Promise<string>>()

function hashOf(input: string): Promise<string> {
  const hash = hashes.get(input) ?? sha256(input)
  hashes.set(input, hash)
  return hash
}

/** The functions of the repository as they are shipped. */
export function shipped(bench: Bench, stage: Stage, env: Readonly<Record<string, string>> = {}): Pipe {
  return {
    producer: (input, run) =>
      bench.function('log-producer', {
        ...stage.env,
        INPUT_PATH: input,
        KEDAFN_ONCE: 'true',
        KEDAFN_CHECKPOINT_PATH: join(run, 'checkpoint'),
        ...env,
      }),
    consumer: (output) => bench.function('log-consumer', { ...stage.env, OUTPUT_PATH: output, ...env }),
  }
}

/** Bare amqplib with the same guarantees, and nothing else. */
export function bare(bench: Bench, stage: Stage): Pipe {
  return {
    producer: (input, run) => bench.rival('bare-producer', stage.url, queue, input, join(run, 'checkpoint')),
    consumer: (output) => bench.rival('bare-consumer', stage.url, queue, output),
  }
}

/**
 * Between the first bytes in the output and the last: lines and bytes a second, and the CPU of both sides for a line. What starting costs is
 * left out.
 * @throws Error if the output is not the input, byte for byte
 */
export async function flow(bench: Bench, stage: Stage, pipe: Pipe, input: string, lines: number): Promise<Sample> {
  const run = mkdtempSync(join(bench.folder, 'run-'))
  const output = join(run, 'output.txt')
  writeFileSync(output, '')
  const total = sizeOf(input)
  const consumer = await pipe.consumer(output)
  try {
    await consumer.says(consuming)
    const producer = await pipe.producer(input, run)
    const ended = pipe.meanwhile?.(consumer, producer)
    try {
      await until('the first line', [producer, consumer], () => sizeOf(output) > 0)
      const [begun, already] = [performance.now(), sizeOf(output)]
      const before = { producer: producer.cpuMs(), consumer: consumer.cpuMs() }
      let peakMb = 0
      await until('the last line', [producer, consumer], () => {
        producer.cpuMs()
        peakMb = Math.max(peakMb, consumer.memoryMb(), producer.memoryMb() || 0)
        return sizeOf(output) >= total
      })
      const seconds = (performance.now() - begun) / 1000
      const cpu = { producer: producer.cpuMs() - before.producer, consumer: consumer.cpuMs() - before.consumer }
      await producer.exited
      await consumer.stop()
      // n.b. a rival that is killed may not have sent its last ack.
      await stage.purge()
      if ((await sha256(output)) !== (await hashOf(input))) throw new Error('the output differs from the input')
      const share = 1 - already / total
      return {
        rate: (lines * share) / seconds,
        mbPerS: (total * share) / 1e6 / seconds,
        producerUs: (cpu.producer * 1000) / (lines * share),
        consumerUs: (cpu.consumer * 1000) / (lines * share),
        cpuUs: ((cpu.producer + cpu.consumer) * 1000) / (lines * share),
        peakMb,
      }
    } finally {
      ended?.()
      await producer.stop('SIGKILL')
    }
  } finally {
    await consumer.stop('SIGKILL')
    rmSync(run, { recursive: true })
  }
}
