import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'amqplib'
import { build } from 'esbuild'
import { type Bench, root } from './bench.ts'
import type { Cgroup } from './cgroup.ts'
import type { Sample } from './result.ts'
import { queue } from './stage.ts'
import { Tap, type TapEvent } from './tap.ts'

/** What is started: as a process from its first instruction. */
export type Starter = 'hello' | 'raw' | 'kedafn' | 'uncached' | 'unmetered'

/** Starts processes that take one delivery, and tells when which step of it was done. */
export class Starts {
  readonly #bench: Bench
  readonly #scripts: Readonly<Record<Starter, string>>
  readonly #env: Readonly<Record<string, string>>
  readonly #tap: Tap
  readonly publish: () => Promise<void>

  private constructor(
    bench: Bench,
    starts: { scripts: Record<Starter, string>; env: Record<string, string>; tap: Tap; publish: () => Promise<void> },
  ) {
    const { scripts, env, tap, publish } = starts
    this.#bench = bench
    this.#scripts = scripts
    this.#env = env
    this.#tap = tap
    this.publish = publish
  }

  static async prepare(bench: Bench): Promise<Starts> {
    const stage = await bench.stages().then((stages) => stages.make({ type: 'quorum', history: false }))
    const folder = join(bench.folder, 'starts')
    mkdirSync(folder, { recursive: true })
    const dist = await bench.dist()
    const scripts = {
      hello: join(folder, 'hello.cjs'),
      raw: join(folder, 'raw.cjs'),
      kedafn: join(dist, 'log-consumer', 'start.cjs'),
      uncached: join(dist, 'log-consumer', 'function.cjs'),
      unmetered: join(dist, 'log-consumer', 'start.cjs'),
    }
    writeFileSync(scripts.hello, `process.stdout.write('hello\\n')`)
    const entry = join(root, 'bench', 'rivals', 'raw-start.ts')
    await build({
      entryPoints: [entry],
      outfile: scripts.raw,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      minify: true,
    })
    const tap = await Tap.to(stage.url)
    const env = {
      ...stage.env,
      AMQP_URL: tap.via(stage.env.AMQP_URL ?? ''),
      OUTPUT_PATH: join(folder, 'output.txt'),
      KEDAFN_MAX_DELIVERIES: '1',
      OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1',
      OTEL_EXPORTER_PROMETHEUS_PORT: '0',
    }
    const connection = await connect(stage.url, { noDelay: true })
    const channel = await connection.createConfirmChannel()
    const publish = async () => {
      channel.sendToQueue(queue, Buffer.from('a line'), { persistent: true, messageId: `file:${Math.random()}` })
      await channel.waitForConfirms()
    }
    return new Starts(bench, { scripts, env, tap, publish })
  }

  /** @param cgroup what the process runs in; the time of its shell is part of the start */
  async measure(name: Starter, cgroup: Cgroup | null = null): Promise<Sample> {
    if (name !== 'hello') await this.publish()
    const seen: Partial<Record<TapEvent | 'cpu', number>> = {}
    const usedMs = cgroup?.usedMs() ?? 0
    const started = performance.now()
    this.#tap.on = (event, at) => {
      seen[event] ??= at - started
      if (event === 'ack' && cgroup) seen.cpu ??= cgroup.usedMs() - usedMs
    }
    const script = this.#scripts[name]
    const ours = name !== 'hello' && name !== 'raw'
    const command = ours ? this.#bench.own(name, script) : [process.execPath, script]
    const child = start(cgroup ? cgroup.enter(command) : command, {
      PATH: process.env.PATH ?? '',
      ...this.#env,
      ...(name === 'unmetered' && { KEDAFN_METRICS: 'off' }),
    })
    let said = ''
    child.stdout?.on('data', (data) => {
      if (name === 'hello') seen.ack ??= performance.now() - started
      said += data
    })
    child.stderr?.on('data', (data) => {
      said += data
    })
    const [code] = await once(child, 'close')
    // Of hello the whole run counts, which is little more.
    if (name === 'hello' && cgroup) seen.cpu = cgroup.usedMs() - usedMs
    const { ack, cpu, connect: connectMs, open: openMs, consume: consumeMs } = seen
    if (code !== 0 || ack === undefined)
      throw new Error(`${name} ended with ${code}, ack seen: ${ack !== undefined}\n${said}`)
    return {
      ms: ack,
      ...(cpu !== undefined && { cpuMs: cpu }),
      ...(connectMs !== undefined && openMs !== undefined && { connectMs, openMs, consumeMs: consumeMs ?? openMs }),
    }
  }
}

const start = ([command = '', ...args]: readonly string[], env: Record<string, string>): ChildProcess =>
  spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
