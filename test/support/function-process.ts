import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Counters, ProcessReport } from '../../runtime/ports.ts'

export type LogEntry = Record<string, unknown> & { readonly level: string; readonly message: string }

/** How long a test waits for what must happen, in ms: far more than it takes. */
const deadlineMs = 30_000

/** A bundle at work, with its log and its reports. */
export class FunctionProcess implements AsyncDisposable {
  readonly child: ChildProcess
  readonly entries: LogEntry[] = []
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  stderr = ''
  report: ProcessReport | null = null
  #watchers = new Set<() => void>()

  constructor(bundle: string, env: Record<string, string>, cwd: string) {
    // Nothing of the machine's environment but what a process needs to run: the test says all that counts.
    const base = {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
      OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1',
      OTEL_EXPORTER_PROMETHEUS_PORT: '0',
    }
    const child = spawn(process.execPath, [bundle], {
      cwd,
      env: { ...base, ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    this.child = child
    this.exited = once(child, 'close').then(([code, signal]) => ({ code, signal }))
    if (child.stdout) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        this.entries.push(JSON.parse(line))
        this.#changed()
      })
    }
    child.stderr?.on('data', (chunk) => {
      this.stderr += chunk
    })
    child.on('message', (report) => {
      this.report = report as ProcessReport
      this.#changed()
    })
    void this.exited.then(() => this.#changed())
  }

  get counters(): Counters | undefined {
    return this.report?.counters
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal)
  }

  /** Resolves as soon as `condition` holds, looked at after each log line and report. Rejects at the deadline. */
  until(what: string, condition: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error) => {
        clearTimeout(timer)
        this.#watchers.delete(look)
        if (error) reject(error)
        else resolve()
      }
      const look = () => {
        if (condition()) settle()
        else if (this.child.exitCode !== null || this.child.signalCode !== null) {
          settle(new Error(`the process ended before: ${what}\n${this.#tail()}`))
        }
      }
      const timer = setTimeout(
        () => settle(new Error(`not within ${deadlineMs} ms: ${what}\n${this.#tail()}`)),
        deadlineMs,
      )
      this.#watchers.add(look)
      look()
    })
  }

  logged(message: string): Promise<void> {
    return this.until(`it logs '${message}'`, () => this.entries.some((entry) => entry.message === message))
  }

  /** Ends it if a test left it running. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL')
    await this.exited
  }

  #tail(): string {
    return `${this.entries
      .slice(-5)
      .map((entry) => JSON.stringify(entry))
      .join('\n')}\n${this.stderr}`
  }

  #changed(): void {
    for (const look of [...this.#watchers]) look()
  }
}
