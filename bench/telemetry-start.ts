/**
 * What telemetry costs a start: from the start of a consumer's process to the first line in its output, metrics on against off,
 * start by start in turn. `node bench/telemetry-start.ts --rounds 40`; the broker is that of AMQP_URL, else a private one.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync, watch, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { connect } from 'amqplib'
import { provideBroker } from '../dev/broker.ts'
import { bundleFunctions } from '../tooling/bundle.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '40' } } })
const root = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'kedafn-telemetry-start-'))
const output = join(folder, 'output.txt')
const say = (line: string): void => void process.stderr.write(`${line}\n`)
const broker = await provideBroker({ stateDir: join(folder, 'state'), env: process.env, say })
const connection = await connect(broker.url, { noDelay: true })
const channel = await connection.createConfirmChannel()

/** Starts a consumer on a queue that holds `messages`. @returns ms until it has written, or until it consumes if there is none */
async function start(metrics: 'on' | 'off', messages: number): Promise<number> {
  writeFileSync(output, '')
  for (let sent = 0; sent < messages; sent++) channel.publish('logs', '', Buffer.from('line'), { persistent: true })
  await channel.waitForConfirms()
  const written = Promise.withResolvers<number>()
  const begun = performance.now()
  const watcher = watch(output, () => statSync(output).size > 0 && written.resolve(performance.now() - begun))
  const child = spawn(process.execPath, [join(folder, 'dist', 'log-consumer', 'function.cjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      AMQP_URL: broker.url,
      OUTPUT_PATH: output,
      KEDAFN_METRICS: metrics,
      OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1',
      OTEL_EXPORTER_PROMETHEUS_PORT: '0',
    },
  })
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    if (messages === 0 && text.includes('"consuming"')) written.resolve(performance.now() - begun)
  })
  const ms = await written.promise
  watcher.close()
  child.kill('SIGTERM')
  await once(child, 'close')
  return ms
}

const quantile = (list: readonly number[], q: number): number =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length * q)] ?? Number.NaN

try {
  await bundleFunctions({ root, outDir: join(folder, 'dist'), names: ['log-consumer'] })
  await start('off', 0)
  await channel.purgeQueue('logs')
  const results: Readonly<Record<'off' | 'on', number[]>> = { off: [], on: [] }
  for (let round = 0; round < Number(values.rounds); round++) {
    const order = round % 2 ? (['on', 'off'] as const) : (['off', 'on'] as const)
    for (const metrics of order) results[metrics].push(await start(metrics, 1))
  }
  const differences = results.on.map((ms, round) => ms - (results.off[round] ?? ms))
  const out = [
    `${cpus().length} x ${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}, Node ${process.version}, ${broker.description}`,
  ]
  for (const [name, list] of Object.entries({ ...results, 'on - off': differences })) {
    const [p25, p50, p75] = [0.25, 0.5, 0.75].map((q) => quantile(list, q).toFixed(1))
    out.push(`${name.padEnd(8)} median ${p50} ms, quartiles ${p25} and ${p75}`)
  }
  process.stdout.write(`${out.join('\n')}\n`)
} finally {
  await connection.close()
  await broker.stop()
  rmSync(folder, { recursive: true, force: true })
}
