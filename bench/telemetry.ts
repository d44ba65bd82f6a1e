/**
 * What telemetry costs: lines a second and CPU of producer and consumer with metrics on and scraped each second, against off, interleaved.
 * `node bench/telemetry.ts --rounds 5 --lines 200000`; `--against DIST` takes bundles built elsewhere as a third, with metrics off.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { provideBroker } from '../dev/broker.ts'
import { bundleFunctions } from '../tooling/bundle.ts'
import { sha256, writeInput } from './input.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    lines: { type: 'string', default: '200000' },
    against: { type: 'string' },
  },
})
const [rounds, lines] = [Number(values.rounds), Number(values.lines)]
const say = (line: string): void => void process.stderr.write(`${line}\n`)
const root = join(import.meta.dirname, '..')
const folder = await mkdtemp(join(tmpdir(), 'kedafn-telemetry-'))
const broker = await provideBroker({ stateDir: join(folder, 'state'), env: process.env, say })

/** /proc counts CPU in hundredths of a second, on every Linux there is. */
const ticksPerSecond = 100
const ports = { 'log-producer': '19464', 'log-consumer': '19465' } as const

interface Contender {
  readonly name: string
  readonly dist: string
  readonly metrics: 'on' | 'off'
}

const contenders: readonly Contender[] = [
  { name: 'off', dist: join(folder, 'dist'), metrics: 'off' },
  { name: 'on', dist: join(folder, 'dist'), metrics: 'on' },
  ...(values.against ? [{ name: 'against', dist: values.against, metrics: 'off' } as const] : []),
]

function start({ dist, metrics }: Contender, name: keyof typeof ports, env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [join(dist, name, 'function.cjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      AMQP_URL: broker.url,
      KEDAFN_METRICS: metrics,
      OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1',
      OTEL_EXPORTER_PROMETHEUS_PORT: ports[name],
      ...env,
    },
  })
}

const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => null))?.size ?? 0

/** CPU of a process so far, in s. */
async function cpuS({ pid }: ChildProcess): Promise<number> {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

async function until(reached: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 300_000
  while (!(await reached())) {
    if (performance.now() > deadline) throw new Error('not within 300 s')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

interface Measured {
  readonly rate: number
  /** In percent of one core. */
  readonly cpu: number
  /** CPU of a line, in us: of all three the one that other programs on the machine disturb least. */
  readonly lineUs: number
}

async function measure(contender: Contender, round: number): Promise<Measured> {
  const run = await mkdtemp(join(folder, `${contender.name}-${round}-`))
  const [input, output] = [join(folder, 'input.txt'), join(run, 'output.txt')]
  await writeFile(output, '')
  const total = await sizeOf(input)
  const consumer = start(contender, 'log-consumer', { OUTPUT_PATH: output })
  consumer.stdout?.resume()
  const producer = start(contender, 'log-producer', {
    INPUT_PATH: input,
    KEDAFN_CHECKPOINT_PATH: join(run, 'checkpoint'),
  })
  producer.stdout?.resume()
  await until(async () => (await sizeOf(output)) > 0)
  const scraping = setInterval(() => {
    if (contender.metrics === 'off') return
    for (const port of Object.values(ports))
      void fetch(`http://127.0.0.1:${port}/metrics`).then(
        (answer) => answer.text(),
        () => {},
      )
  }, 1000)
  const begun = performance.now()
  const before = (await cpuS(consumer)) + (await cpuS(producer))
  const already = await sizeOf(output)
  await until(async () => (await sizeOf(output)) >= total)
  const seconds = (performance.now() - begun) / 1000
  const cpu = (await cpuS(consumer)) + (await cpuS(producer)) - before
  clearInterval(scraping)
  for (const child of [producer, consumer]) {
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  if ((await sha256(output)) !== (await sha256(input))) throw new Error('the output differs from the input')
  await rm(run, { recursive: true })
  const done = lines * (1 - already / total)
  return { rate: done / seconds, cpu: (100 * cpu) / seconds, lineUs: (cpu / done) * 1e6 }
}

const median = (list: number[]): number => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] as number
const format = (value: number): string => Math.round(value).toLocaleString('en')

try {
  await bundleFunctions({ root, outDir: join(folder, 'dist'), names: ['log-producer', 'log-consumer'] })
  await writeInput(join(folder, 'input.txt'), lines)
  const results = new Map<string, Measured[]>(contenders.map(({ name }) => [name, []]))
  for (let round = 1; round <= rounds; round++) {
    // In turn the other way round: who comes first has it colder.
    for (const contender of round % 2 ? contenders : contenders.toReversed()) {
      const result = await measure(contender, round)
      results.get(contender.name)?.push(result)
      say(
        `round ${round} ${contender.name.padEnd(7)} ${format(result.rate)} lines/s, ${format(result.cpu)} % CPU, ${result.lineUs.toFixed(1)} us CPU a line`,
      )
    }
  }
  const off = results.get('off') ?? []
  const out = [
    `${cpus().length} x ${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}, Node ${process.version}, ${broker.description}`,
    `${rounds} rounds of ${format(lines)} lines, interleaved; medians, and the median of each round's ratio to off`,
  ]
  for (const [name, list] of results) {
    const ratio = median(list.map(({ rate }, round) => rate / (off[round]?.rate ?? rate)))
    const points = median(list.map(({ cpu }, round) => cpu - (off[round]?.cpu ?? cpu)))
    const us = median(list.map(({ lineUs }) => lineUs))
    const usRatio = median(list.map(({ lineUs }, round) => lineUs / (off[round]?.lineUs ?? lineUs)))
    out.push(
      `${name.padEnd(8)} ${format(median(list.map(({ rate }) => rate)))} lines/s  x ${ratio.toFixed(3)}  CPU ${points >= 0 ? '+' : ''}${points.toFixed(1)} points  ${us.toFixed(1)} us a line, x ${usRatio.toFixed(3)}`,
    )
  }
  process.stdout.write(`${out.join('\n')}\n`)
} finally {
  await broker.stop()
  await rm(folder, { recursive: true, force: true })
}
