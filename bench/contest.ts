import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sha256 } from './input.ts'

/** A producer and a consumer, each a process, that take a file to another file. */
export interface Contender {
  readonly name: string
  readonly lines: number
  producer(input: string, run: string): ChildProcess
  consumer(output: string): ChildProcess
}

export const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit']

/** The functions of the repository as they are shipped: bundles in `dist`. */
export function shippedPipeline(
  dist: string,
  env: Readonly<Record<string, string>>,
): Pick<Contender, 'producer' | 'consumer'> {
  const start = (name: string, own: Record<string, string>): ChildProcess =>
    spawn(process.execPath, [join(dist, name, 'function.cjs')], { stdio, env: { ...process.env, ...env, ...own } })
  return {
    producer: (input, run) =>
      start('log-producer', {
        INPUT_PATH: input,
        KEDAFN_ONCE: 'true',
        KEDAFN_CHECKPOINT_PATH: join(run, 'checkpoint'),
      }),
    consumer: (output) => start('log-consumer', { OUTPUT_PATH: output }),
  }
}

/** A hundred lines a message, and batches that are worth a sync. */
export const packing = { KEDAFN_LINES_PER_MESSAGE: '100', KEDAFN_BATCH_SIZE: '5000' }

export const inputOf = (folder: string, lines: number): string => join(folder, `${lines}.txt`)

const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => null))?.size ?? 0

async function until(what: string, reached: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 300_000
  while (!(await reached())) {
    if (performance.now() > deadline) throw new Error(`not within 300 s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** Resolves when the child says that it consumes: `ready`, or the runtime's log line. */
async function consuming(child: ChildProcess): Promise<void> {
  const stdout = child.stdout
  if (!stdout) throw new Error('the consumer has no output')
  for (let said = ''; !/ready|"consuming"/.test(said); ) {
    const [chunk] = await Promise.race([once(stdout, 'data'), once(child, 'exit').then(() => [null])])
    if (chunk === null) throw new Error(`the consumer ended before it consumed: ${said}`)
    said = String(chunk)
  }
  stdout.resume()
}

/**
 * Lines a second between the first bytes in the output and the last: what starting costs is left out.
 * @throws Error if the output is not the input, byte for byte
 */
export async function measure(contender: Contender, folder: string): Promise<number> {
  const run = await mkdtemp(join(folder, `${contender.name}-`))
  const input = inputOf(folder, contender.lines)
  const output = join(run, 'output.txt')
  await writeFile(output, '')
  const total = await sizeOf(input)
  const consumer = contender.consumer(output)
  await consuming(consumer)
  const producer = contender.producer(input, run)
  producer.stdout?.resume()
  await until('the first line', async () => (await sizeOf(output)) > 0)
  const begun = performance.now()
  const already = await sizeOf(output)
  await until('the last line', async () => (await sizeOf(output)) >= total)
  const seconds = (performance.now() - begun) / 1000
  if (producer.exitCode === null) await once(producer, 'exit')
  consumer.kill('SIGTERM')
  await once(consumer, 'exit')
  if ((await sha256(output)) !== (await sha256(input)))
    throw new Error(`${contender.name}: the output differs from the input`)
  await rm(run, { recursive: true })
  return (contender.lines * (1 - already / total)) / seconds
}

export const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number

/** The median of the rounds' own ratios: what the machine does meanwhile hits both sides of a round. */
export const ratio = (rates: readonly number[], floor: readonly number[]): number =>
  median(rates.map((rate, round) => rate / (floor[round] as number)))

export const format = (value: number): string => Math.round(value).toLocaleString('en')

/** Median, least and most. */
export const summary = (values: readonly number[]): string =>
  `${format(median(values))} (${format(Math.min(...values))} to ${format(Math.max(...values))})`
