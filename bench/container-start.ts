/**
 * From the start of a container to the first acknowledgement, against a container of the same Node that says hello: start by
 * start in turn, on whatever runs containers. Without the two commands: the same as processes of this machine.
 *
 *   KEDAFN_BENCH_LOAD='ctr --namespace bench images import {tar}'
 *   KEDAFN_BENCH_RUN='ctr --namespace bench run --rm --net-host {env} {image} {id}'
 *   node bench/container-start.ts [--rounds 20] [--topology verify|declare] [--code-cache]
 *
 * The broker is that of AMQP_URL, with its management at KEDAFN_TEST_MANAGEMENT_URL, else a private one. A container has to
 * reach this process at 127.0.0.1: through it goes what it tells the broker, so that its first ack can be seen.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { connect } from 'amqplib'
import { askManagement } from '../dev/broker/management.ts'
import { provideBroker } from '../dev/broker.ts'
import { bundleFunctions, pinnedNodeVersion } from '../tooling/bundle.ts'
import { codeCacheOf, startSource } from '../tooling/image/code-cache.ts'
import { downloadDir } from '../tooling/image/command.ts'
import { buildImages } from '../tooling/image/images.ts'
import { Tap } from './harness/tap.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    topology: { type: 'string', default: 'verify' },
    'code-cache': { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const { KEDAFN_BENCH_LOAD: load, KEDAFN_BENCH_RUN: run } = process.env
const root = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'kedafn-start-'))
const dist = join(folder, 'dist')
const say = (line: string): void => void process.stderr.write(`${line}\n`)
const print = (line: string): void => void process.stdout.write(`${line}\n`)
type Name = 'hello' | 'log-consumer'

await bundleFunctions({ root, outDir: dist, names: ['log-consumer'] })
mkdirSync(join(dist, 'hello'))
writeFileSync(join(dist, 'hello', 'function.cjs'), `process.stdout.write('hello\\n')`)
writeFileSync(join(dist, 'hello', 'meta.json'), '{"inputs":{}}')
if (!run && values['code-cache']) {
  const bundle = join(dist, 'log-consumer', 'function.cjs')
  writeFileSync(join(dist, 'log-consumer', 'function.cache'), await codeCacheOf('log-consumer', bundle))
  writeFileSync(join(dist, 'log-consumer', 'start.cjs'), startSource)
}
const images = run ? await loadImages() : new Map<Name, string>()

async function loadImages(): Promise<Map<Name, string>> {
  const built = await buildImages({
    root,
    names: ['hello', 'log-consumer'],
    nodeVersion: await pinnedNodeVersion(),
    architectures: [process.arch === 'arm64' ? 'arm64' : 'amd64'],
    compression: 'gzip',
    level: 1,
    codeCache: values['code-cache'],
    debianMirror: process.env.KEDAFN_DEBIAN_MIRROR,
    downloadDir: downloadDir(root),
    distDir: dist,
    layerDir: join(folder, 'layers'),
  })
  for (const { path } of built) {
    const [command = '', ...args] = (load ?? 'docker load --input {tar}')
      .split(' ')
      .map((word) => word.replace('{tar}', path))
    execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  }
  return new Map(built.map(({ name, reference }) => [name as Name, reference]))
}

/** Starts either as a container, or as a process. */
function start(name: Name, id: string, env: Readonly<Record<string, string>>): ChildProcess {
  const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe']
  if (!run) {
    const script = values['code-cache'] && name === 'log-consumer' ? 'start.cjs' : 'function.cjs'
    return spawn(process.execPath, [join(dist, name, script)], {
      stdio,
      env: { PATH: process.env.PATH, ...env },
    })
  }
  const pairs = Object.entries(env).flatMap(([key, value]) => ['--env', `${key}=${value}`])
  const words = run.split(' ').flatMap((word) => {
    if (word === '{env}') return pairs
    return [word.replace('{image}', images.get(name) ?? '').replace('{id}', id)]
  })
  return spawn(words[0] ?? '', words.slice(1), { stdio })
}

const broker = await provideBroker({ stateDir: join(folder, 'state'), env: process.env, say })
const vhost = `bench-start-${process.pid}`
const managementUrl = process.env.KEDAFN_TEST_MANAGEMENT_URL ?? broker.managementUrl ?? ''
const manage = (method: 'GET' | 'PUT' | 'DELETE', path: string, body?: object) =>
  askManagement(managementUrl, { method, path, ...(body ? { body } : {}) })
const brokerUrl = new URL(broker.url)
await manage('PUT', `vhosts/${vhost}`, {})
const everything = { configure: '.*', write: '.*', read: '.*' }
await manage('PUT', `permissions/${vhost}/${brokerUrl.username || 'guest'}`, everything)
brokerUrl.pathname = `/${vhost}`

/** Called with the time of each ack that passes from a function to the broker. */
let onAck: (at: number) => void = () => {}
const tap = await Tap.to(brokerUrl.href)
tap.on = (event, at) => {
  if (event === 'ack') onAck(at)
}

const env = {
  AMQP_URL: tap.via(brokerUrl.href),
  OUTPUT_PATH: '/tmp/kedafn-bench-output.txt',
  KEDAFN_MAX_DELIVERIES: '1',
  OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1',
  OTEL_EXPORTER_PROMETHEUS_PORT: '0',
}

/** @returns ms to the first ack, or of `hello` to its first byte */
async function measure(name: Name, round: number, topology: string): Promise<number> {
  const started = performance.now()
  const child = start(name, `kedafn-bench-${process.pid}-${name}-${round}`, { ...env, KEDAFN_TOPOLOGY: topology })
  let said = ''
  let seen: number | null = null
  onAck = (at) => {
    seen ??= at
  }
  child.stdout?.on('data', (data) => {
    if (name === 'hello') seen ??= performance.now()
    said += data
  })
  child.stderr?.on('data', (data) => {
    said += data
  })
  const [code] = await once(child, 'close')
  if (code !== 0 || seen === null) throw new Error(`${name} ended with ${code}, ack seen: ${seen !== null}\n${said}`)
  return seen - started
}

const connection = await connect(brokerUrl.href)
const channel = await connection.createConfirmChannel()
const publish = async (): Promise<void> => {
  channel.sendToQueue('logs', Buffer.from('a line'), { persistent: true, messageId: `${Math.random()}` })
  await channel.waitForConfirms()
}

try {
  // n.b. The first start declares the queues, and waits for its one delivery; nothing of it is measured.
  const first = measure('log-consumer', rounds, 'declare')
  let failed = false
  first.catch(() => {
    failed = true
  })
  while (!failed && !(await manage('GET', `queues/${vhost}/logs`)).ok) await wait(50)
  await (failed ? first : publish())
  await first
  const times: Record<Name, number[]> = { hello: [], 'log-consumer': [] }
  for (let round = 0; round < rounds; round++) {
    await publish()
    for (const name of round % 2 === 0 ? (['hello', 'log-consumer'] as const) : (['log-consumer', 'hello'] as const)) {
      times[name].push(await measure(name, round, values.topology))
    }
  }
  report(times)
} finally {
  await connection.close()
  tap.close()
  await manage('DELETE', `vhosts/${vhost}`)
  await broker.stop()
  rmSync(folder, { recursive: true, force: true })
}

function report(times: Record<Name, number[]>): void {
  const at = (list: readonly number[], share: number) =>
    [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(list.length * share))] ?? 0
  const line = (name: Name, what: string) => {
    const [p10, median, p90] = [0.1, 0.5, 0.9].map((share) => at(times[name], share).toFixed(1))
    print(`${name.padEnd(13)} ${what.padEnd(13)} median ${median} ms, p10 ${p10}, p90 ${p90}`)
  }
  const load1 = (loadavg()[0] ?? 0).toFixed(1)
  print(
    `${run ? 'containers' : 'processes'}, Node ${process.version}, ${cpus().length} cores, load ${load1}, n=${rounds}`,
  )
  line('hello', 'first byte')
  line('log-consumer', 'first ack')
  const paired = times['log-consumer'].map((time, round) => time / (times.hello[round] ?? 1))
  const ratio = at(times['log-consumer'], 0.5) / at(times.hello, 0.5)
  print(`ratio of medians ${ratio.toFixed(2)}, median of ratios ${at(paired, 0.5).toFixed(2)}`)
}
