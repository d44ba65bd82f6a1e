import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import type { Environment } from '../runtime/core/config.ts'
import type { Counters, ProcessReport } from '../runtime/ports.ts'

export interface ProcessOptions {
  /** The bundle. */
  readonly path: string
  readonly cwd: string
  readonly env: Environment
  /** Gets what the process prints, behind what is there. */
  readonly logPath: string
  reported(report: ProcessReport): void
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** Set if the process could not even be started. */
  readonly error: Error | null
}

/** One life of a function. */
export interface Life {
  readonly pid?: number | undefined
  /** Settles when the process is gone and its last report is here. */
  readonly ended: Promise<Exit>
  /** Asks it to drain. */
  terminate(): void
  /** Ends it, and whatever it started, at once. */
  kill(): void
  /** Sends it a message over its IPC channel, if it listens to one. */
  tell?(message: object): void
}

/** A bundle as a process. */
export class FunctionProcess implements Life {
  readonly ended: Promise<Exit>
  readonly #child: ChildProcess

  constructor({ path, cwd, env, logPath, reported }: ProcessOptions) {
    const log = openSync(logPath, 'a')
    try {
      this.#child = spawn(process.execPath, [path], {
        cwd,
        env: { ...env },
        // The process writes its log itself: it is whole even if this process is killed.
        stdio: ['ignore', log, log, 'ipc'],
        // A process group of its own: the terminal's Ctrl-C must reach this process alone.
        detached: true,
      })
    } finally {
      closeSync(log)
    }
    this.#child.on('message', (message) => {
      if (isReport(message)) reported(message)
    })
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        if (this.#child.pid === undefined) resolve({ code: null, signal: null, error })
      })
      this.#child.once('close', (code, signal) => resolve({ code, signal, error: null }))
    })
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  terminate(): void {
    this.#child.kill('SIGTERM')
  }

  tell(message: object): void {
    // A process that is about to end need not hear it.
    if (this.#child.connected) this.#child.send(message, () => {})
  }

  kill(): void {
    const { pid } = this.#child
    if (pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      this.#child.kill('SIGKILL')
    }
  }
}

function isReport(message: unknown): message is ProcessReport {
  return typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'kedafn-report'
}

export function sum(one: Counters, other: Counters): Counters {
  const total = { ...one }
  for (const key of Object.keys(total) as (keyof Counters)[]) total[key] += other[key] ?? 0
  return total
}
