/**
 * File -> producer process -> RabbitMQ -> consumer process -> file, lines a second: the functions as they are shipped against
 * two floors, in one interleaved run. `npm run bench -- --rounds 5 --lines 100000 --naive-lines 2000 --packed-lines 1000000`
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { provideBroker } from '../dev/broker.ts'
import { bundleFunctions } from '../tooling/bundle.ts'
import { type Contender, format, inputOf, measure, packing, ratio, shippedPipeline, stdio, summary } from './contest.ts'
import { writeInput } from './input.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    lines: { type: 'string', default: '100000' },
    'naive-lines': { type: 'string', default: '2000' },
    'packed-lines': { type: 'string', default: '1000000' },
  },
})
const rounds = Number(values.rounds)
const say = (line: string): void => void process.stderr.write(`${line}\n`)
const root = join(import.meta.dirname, '..')
const folder = await mkdtemp(join(tmpdir(), 'kedafn-bench-'))
const broker = await provideBroker({ stateDir: join(folder, 'state'), env: process.env, say })

const rival = (script: string, ...args: string[]): ChildProcess =>
  spawn(process.execPath, [join(import.meta.dirname, 'rivals', `${script}.ts`), broker.url, ...args], { stdio })

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
  { name: 'kedafn', lines, ...shippedPipeline(join(folder, 'dist'), { AMQP_URL: broker.url }) },
  {
    name: 'packed',
    lines: Number(values['packed-lines']),
    ...shippedPipeline(join(folder, 'dist'), { AMQP_URL: broker.url, ...packing }),
  },
]

try {
  await bundleFunctions({ root, outDir: join(folder, 'dist'), names: ['log-producer', 'log-consumer'] })
  for (const count of new Set(contenders.map((contender) => contender.lines)))
    await writeInput(inputOf(folder, count), count)
  const rates: Record<string, number[]> = { naive: [], bare: [], kedafn: [], packed: [] }
  for (let round = 1; round <= rounds; round++) {
    for (const contender of contenders) {
      const rate = await measure(contender, folder)
      rates[contender.name]?.push(rate)
      say(`round ${round} ${contender.name.padEnd(7)} ${format(rate)} lines/s`)
    }
  }
  const { naive = [], bare = [], kedafn = [], packed = [] } = rates
  const against = { naive: ratio(kedafn, naive), bare: ratio(kedafn, bare), packed: ratio(packed, kedafn) }
  process.stdout.write(
    [
      `${cpus().length} x ${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}, Node ${process.version}, ${broker.description}`,
      `${rounds} rounds, interleaved; lines of 100 bytes, one a message unless packed; median (min to max) lines/s`,
      `naive   ${summary(naive)}   await each confirm, prefetch 1, write per line, no fsync`,
      `bare    ${summary(bare)}   bare amqplib with the same guarantees`,
      `kedafn  ${summary(kedafn)}`,
      `packed  ${summary(packed)}   the same, up to 100 lines a message`,
      `kedafn / naive  ${against.naive.toFixed(1)}   goal >= 10`,
      `kedafn / bare   ${against.bare.toFixed(2)}   goal >= 0.6`,
      `packed / kedafn ${against.packed.toFixed(1)}   goal >= 20`,
      '',
    ].join('\n'),
  )
  process.exitCode = against.naive >= 10 && against.bare >= 0.6 ? 0 : 1
} finally {
  await broker.stop()
  await rm(folder, { recursive: true, force: true })
}
