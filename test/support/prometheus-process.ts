import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Prometheus } from '../../dev/dashboards/prometheus.ts'
import { freePort } from './free-port.ts'

export interface ScrapeJob {
  readonly job_name: string
  readonly metrics_path?: string
  readonly params?: Readonly<Record<string, readonly string[]>>
  readonly static_configs?: readonly {
    readonly targets: readonly string[]
    readonly labels?: Readonly<Record<string, string>>
  }[]
  /** Files of targets, which are read again when they change. */
  readonly file_sd_configs?: readonly { readonly files: readonly string[] }[]
}

/** Groups of rules, as the operator and Prometheus both write them. */
export interface RuleGroups {
  readonly groups: readonly object[]
}

/** True if the machine has Prometheus. On Debian: `apt-get install prometheus`; its service is not needed. */
export const hasPrometheus = (): boolean => spawnSync('prometheus', ['--version']).error === undefined

/** A Prometheus that scrapes, and looks at its rules, each second. */
export class PrometheusProcess implements AsyncDisposable {
  readonly url: string
  readonly api: Prometheus
  readonly #child: ChildProcess
  readonly #folder: string

  private constructor(port: number, child: ChildProcess, folder: string) {
    this.url = `http://127.0.0.1:${port}`
    this.api = new Prometheus(this.url)
    this.#child = child
    this.#folder = folder
  }

  static async start(jobs: readonly ScrapeJob[], rules: RuleGroups = { groups: [] }): Promise<PrometheusProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'kedafn-prometheus-'))
    const global = { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' }
    const config = { global, scrape_configs: jobs, rule_files: ['rules.yaml'] }
    // n.b. JSON is YAML.
    writeFileSync(join(folder, 'rules.yaml'), JSON.stringify(rules))
    writeFileSync(join(folder, 'prometheus.yaml'), JSON.stringify(config))
    const port = await freePort()
    const child = spawn(
      'prometheus',
      [...['--config.file=prometheus.yaml', '--storage.tsdb.path=data'], `--web.listen-address=127.0.0.1:${port}`],
      { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
    )
    const started = new PrometheusProcess(port, child, folder)
    try {
      await ready(child)
      return started
    } catch (error) {
      await started[Symbol.asyncDispose]()
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = once(this.#child, 'close')
      this.#child.kill('SIGKILL')
      await gone
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Rejects with what it says if it ends before. */
function ready(child: ChildProcess): Promise<void> {
  const { stderr } = child
  if (!stderr) throw new Error('the process has no stderr')
  const said: string[] = []
  return new Promise((resolve, reject) => {
    createInterface({ input: stderr }).on('line', (line) => {
      said.push(line)
      if (line.includes('Server is ready')) resolve()
    })
    child.once('error', reject)
    child.once('close', () => reject(new Error(`prometheus ended:\n${said.slice(-5).join('\n')}`)))
  })
}
