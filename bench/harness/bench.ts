import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrokerHandle, provideBroker } from '../../dev/broker.ts'
import { bundleFunctions } from '../../tooling/bundle.ts'
import { codeCacheOf, startSource } from '../../tooling/image/code-cache.ts'
import { writeInput } from '../input.ts'
import { Child, type ChildOptions } from './child.ts'
import { describeMachine } from './machine.ts'
import { buildNative, type Native } from './native.ts'
import { Stages } from './stage.ts'

export const root = join(import.meta.dirname, '..', '..')

export interface BenchOptions {
  readonly quick: boolean
  /** Where the CPU profiles of our own processes go; null: none are made. */
  readonly profileDir: string | null
  /** Wraps our own processes in strace, whose counts go there. */
  readonly traceDir: string | null
  readonly say: (line: string) => void
  /** 0: as many as the row has. */
  readonly rounds: number
}

/** All that a row needs of the world. What takes time to make is made once, for the row that asks first. */
export class Bench {
  readonly quick: boolean
  readonly say: (line: string) => void
  readonly folder = mkdtempSync(join(tmpdir(), 'kedafn-bench-'))
  /** Who else takes part, with versions. */
  readonly peers = new Set<string>()
  readonly #options: BenchOptions
  #broker: Promise<BrokerHandle> | null = null
  #stages: Promise<Stages> | null = null
  #dist: Promise<string> | null = null
  #native: Native | null = null
  readonly #inputs = new Map<string, Promise<string>>()

  constructor(options: BenchOptions) {
    this.#options = options
    this.quick = options.quick
    this.say = options.say
  }

  broker(): Promise<BrokerHandle> {
    this.#broker ??= provideBroker({ stateDir: join(this.folder, 'state'), env: process.env, say: this.say })
    return this.#broker
  }

  stages(): Promise<Stages> {
    this.#stages ??= this.broker().then((broker) => {
      const managementUrl = process.env.KEDAFN_TEST_MANAGEMENT_URL ?? broker.managementUrl
      if (!managementUrl)
        throw new Error('the broker of AMQP_URL needs KEDAFN_TEST_MANAGEMENT_URL, the address of its management')
      return new Stages(broker.url, managementUrl)
    })
    return this.#stages
  }

  /** The functions as they are shipped: bundles, the consumer with its code cache. */
  dist(): Promise<string> {
    this.#dist ??= (async () => {
      const dist = join(this.folder, 'dist')
      const names = ['log-producer', 'log-consumer']
      const bundles = await bundleFunctions({ root, outDir: dist, names })
      for (const { name, path } of bundles) {
        writeFileSync(join(dist, name, 'function.cache'), await codeCacheOf(name, path))
        writeFileSync(join(dist, name, 'start.cjs'), startSource)
      }
      return dist
    })()
    return this.#dist
  }

  /** The floors in C. */
  native(): Native {
    this.#native ??= buildNative(join(this.folder, 'native'), this.say)
    return this.#native
  }

  /** A file of so many lines of so many bytes each, the newline included. */
  input(lines: number, bytes = 100): Promise<string> {
    const path = join(this.folder, `${lines}-${bytes}.txt`)
    const made = this.#inputs.get(path) ?? writeInput(path, lines, bytes).then(() => path)
    this.#inputs.set(path, made)
    return made
  }

  /** So many of them in a full run, and fewer in a quick one. */
  count(full: number, quick: number): number {
    return this.quick ? quick : full
  }

  /** One of our own functions at work. */
  async function(name: string, env: ChildOptions['env'], dist?: string): Promise<Child> {
    const [command = '', ...args] = this.own(name, join(dist ?? (await this.dist()), name, 'function.cjs'))
    const port = { OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1', OTEL_EXPORTER_PROMETHEUS_PORT: '0' }
    return new Child(command, args, { env: { ...port, ...env } })
  }

  /** The command that runs one of our own scripts: it is what a profile shows. */
  own(name: string, script: string): readonly string[] {
    const { profileDir, traceDir } = this.#options
    const node = process.execPath
    const file = `${name}-${Date.now()}`
    if (traceDir) return ['strace', '-f', '-c', '-o', join(traceDir, `${file}.txt`), node, script]
    if (!profileDir) return [node, script]
    const profile = [`--cpu-prof-dir=${profileDir}`, `--cpu-prof-name=${file}.cpuprofile`, '--cpu-prof-interval=200']
    return [node, '--cpu-prof', ...profile, script]
  }

  roundsOf(full: number, quick: number): number {
    return this.#options.rounds || this.count(full, quick)
  }

  async machine(): Promise<readonly string[]> {
    return describeMachine((await this.#broker)?.description ?? 'none', [...this.peers])
  }

  /** A floor or a rival in Node. */
  rival(script: string, ...args: readonly string[]): Child {
    return new Child(process.execPath, [join(root, 'bench', 'rivals', `${script}.ts`), ...args])
  }

  async close(): Promise<void> {
    await this.#stages?.then((stages) => stages.dispose()).catch(() => {})
    await this.#broker?.then((broker) => broker.stop())
    rmSync(this.folder, { recursive: true, force: true })
  }
}
