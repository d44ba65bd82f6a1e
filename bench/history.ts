/**
 * What the history costs: the same pipeline with the stream `logs.history` bound to the exchange, and without that binding, in
 * one interleaved run. `npm run bench:history -- --rounds 5 --lines 50000`; with `--packed` up to 100 lines a message
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connect } from 'amqplib'
import { provideBroker } from '../dev/broker.ts'
import { historyOf } from '../runtime/core/topology.ts'
import { bundleFunctions } from '../tooling/bundle.ts'
import { format, inputOf, measure, packing, ratio, shippedPipeline, summary } from './contest.ts'
import { writeInput } from './input.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    lines: { type: 'string', default: '50000' },
    packed: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const lines = Number(values.lines)
const say = (line: string): void => void process.stderr.write(`${line}\n`)
const root = join(import.meta.dirname, '..')
const folder = await mkdtemp(join(tmpdir(), 'kedafn-bench-'))
const broker = await provideBroker({ stateDir: join(folder, 'state'), env: process.env, say })

/** The exchange and the queue of the two functions. */
const name = 'logs'
const goal = 0.9

try {
  const dist = join(folder, 'dist')
  await bundleFunctions({ root, outDir: dist, names: ['log-producer', 'log-consumer'] })
  await writeInput(inputOf(folder, lines), lines)
  const connection = await connect(broker.url, { noDelay: true })
  const channel = await connection.createChannel()
  // A round that does not count warms up, and declares.
  const env = { AMQP_URL: broker.url, ...(values.packed && packing) }
  await measure({ name: 'first', lines, ...shippedPipeline(dist, env) }, folder)
  // n.b. from here on nothing is declared: each session would bind the history again. What only verifies cannot see bindings.
  const functions = shippedPipeline(dist, { ...env, KEDAFN_TOPOLOGY: 'verify' })
  const change = {
    with: () => channel.bindQueue(historyOf(name), name, ''),
    without: () => channel.unbindQueue(historyOf(name), name, ''),
  }
  const rates = { with: [] as number[], without: [] as number[] }
  try {
    for (let round = 1; round <= rounds; round++) {
      // Who comes first may have it easier.
      for (const side of round % 2 === 1 ? (['with', 'without'] as const) : (['without', 'with'] as const)) {
        await change[side]()
        const rate = await measure({ name: side, lines, ...functions }, folder)
        rates[side].push(rate)
        say(`round ${round} ${side.padEnd(7)} history ${format(rate)} lines/s`)
      }
    }
  } finally {
    // A broker of yours keeps its history.
    await change.with()
  }
  await connection.close()
  const share = ratio(rates.with, rates.without)
  process.stdout.write(
    [
      `${cpus().length} x ${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}, Node ${process.version}, ${broker.description}`,
      `${rounds} rounds of ${format(lines)} lines, interleaved; median (min to max) lines/s`,
      `with history     ${summary(rates.with)}`,
      `without history  ${summary(rates.without)}`,
      `with / without   ${share.toFixed(2)}   goal >= ${goal}`,
      '',
    ].join('\n'),
  )
  process.exitCode = share >= goal ? 0 : 1
} finally {
  await broker.stop()
  await rm(folder, { recursive: true, force: true })
}
