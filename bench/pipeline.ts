/**
 * File -> producer process -> RabbitMQ -> consumer process -> file, lines a second: the functions as they are shipped against
 * two floors, in one interleaved run. `npm run bench -- --rounds 5 --lines 100000 --naive-lines 2000`
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { provideBroker } from '../dev/broker.ts'
import { bundleFunctions } from '../tooling/bundle.ts'
import { sha256, writeInput } from './input.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    lines: { type: 'string', default: '100000' },
    'naive-lines': { type: 'string', default: '2000' },
  },
})
const rounds = Number(values.rounds)
const say = (line: string): void => void process.stderr.write(`${line}\n`)
const root = join(import.meta.dirname, '..')
const folder = await mkdtemp(join(tmpdir(), 'kedafn-bench-'))
const broker = await provideBroker({ stateDir: join(folder, 'state'), env: process.env, say })

interface Contender {
  readonly name: 'naive' | 'bare' | 'kedafn'
  readonly lines: number
  producer(input: string, run: string): ChildProcess
  consumer(output: string, run: string): ChildProcess
}

const stdio: ['ignore', 'pipe', 'inherit'] = ['ignore', 'pipe', 'inherit']
const rival = (script: string, ...args: string[]): ChildProcess =>
  spawn(process.execPath, [join(import.meta.dirname, 'rivals', `${script}.ts`), broker.url, ...args], { stdio })
const shipped = (name: string, env: Record<string, string>): ChildProcess =>
  spawn(process.execPath, [join(folder, 'dist', name, 'function.cjs')], {
    stdio,
    env: { ...process.env, AMQP_URL: broker.url, ...env },
  })

const lines = Number(values.lines)
const contenders: readonly Contender[] = [
  {
    name: 'naive',
    lines: Number(values['naive-lines']),
    producer: (input) => rival('naive-producer', 'bench-naive', input),
    consumer: (output) => rival('naive-consumer', 'bench-naive', output),
  },
  {
    name: 'bare',
    lines,
    producer: (input, run) => rival('bare-producer', 'bench-bare', input, join(run, 'checkpoint')),
    consumer: (output) => rival('bare-consumer', 'bench-bare', output),
  },
  {
    name: 'kedafn',
    lines,
    producer: (input, run) =>
      shipped('log-producer', {
        INPUT_PATH: input,
        KEDAFN_ONCE: 'true',
        KEDAFN_CHECKPOINT_PATH: join(run, 'checkpoint'),
      }),
    consumer: (output) => shipped('log-consumer', { OUTPUT_PATH: output }),
  },
]

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
  for (;;) {
    const [chunk] = await once(stdout, 'data')
    if (/ready|"consuming"/.test(String(chunk))) break
  }
  stdout.resume()
}

/** Lines a second between the first bytes in the output and the last: what starting costs is left out. */
async function measure(contender: Contender, round: number): Promise<number> {
  const run = await mkdtemp(join(folder, `${contender.name}-${round}-`))
  const input = join(folder, `${contender.lines}.txt`)
  const output = join(run, 'output.txt')
  await writeFile(output, '')
  const total = await sizeOf(input)
  const consumer = contender.consumer(output, run)
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

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number
const spread = (values: number[]): string => `${format(Math.min(...values))} to ${format(Math.max(...values))}`
const format = (value: number): string => Math.round(value).toLocaleString('en')

try {
  await bundleFunctions({ root, outDir: join(folder, 'dist'), names: ['log-producer', 'log-consumer'] })
  for (const count of new Set(contenders.map((contender) => contender.lines)))
    await writeInput(join(folder, `${count}.txt`), count)
  const rates: Record<string, number[]> = { naive: [], bare: [], kedafn: [] }
  for (let round = 1; round <= rounds; round++) {
    for (const contender of contenders) {
      const rate = await measure(contender, round)
      rates[contender.name]?.push(rate)
      say(`round ${round} ${contender.name.padEnd(7)} ${format(rate)} lines/s`)
    }
  }
  const { naive = [], bare = [], kedafn = [] } = rates
  const ratio = (floor: number[]): number => median(kedafn.map((rate, round) => rate / (floor[round] as number)))
  process.stdout.write(
    [
      `${cpus().length} x ${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}, Node ${process.version}, ${broker.description}`,
      `${rounds} rounds, interleaved; lines of 100 bytes, one a message; median (min to max) lines/s`,
      `naive   ${format(median(naive))} (${spread(naive)})   await each confirm, prefetch 1, write per line, no fsync`,
      `bare    ${format(median(bare))} (${spread(bare)})   bare amqplib with the same guarantees`,
      `kedafn  ${format(median(kedafn))} (${spread(kedafn)})`,
      `kedafn / naive  ${ratio(naive).toFixed(1)}   goal >= 10`,
      `kedafn / bare   ${ratio(bare).toFixed(2)}   goal >= 0.6`,
      '',
    ].join('\n'),
  )
  process.exitCode = ratio(naive) >= 10 && ratio(bare) >= 0.6 ? 0 : 1
} finally {
  await broker.stop()
  await rm(folder, { recursive: true, force: true })
}
