import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'

/** n.b. USER_HZ is 100 on all of Node's platforms. */
const msPerTick = 10
const timeoutMs = 120_000

const running = new Set<ChildProcess>()
// Whatever ends this process, no child of it stays and disturbs the next run.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
}

/** A side of a contest at work, in a process of its own. */
export class Child {
  readonly process: ChildProcess
  readonly #name: string
  #said = ''
  #waiting: { readonly pattern: RegExp; readonly resolve: (atMs: number) => void }[] = []
  #ended: { readonly code: number | null; readonly signal: string | null } | null = null
  #cpuMs = 0
  #stopping = false
  readonly exited: Promise<void>

  constructor(command: string, args: readonly string[], { env = {}, cwd }: ChildOptions = {}) {
    this.#name = [command, ...args].slice(0, 3).join(' ')
    this.process = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
      ...(cwd ? { cwd } : {}),
    })
    running.add(this.process)
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.#hear(text))
    }
    this.exited = once(this.process, 'close').then(([code, signal]) => {
      running.delete(this.process)
      this.#ended = { code, signal }
    })
    this.exited.catch((error) => this.#hear(`${error}`))
  }

  /** Resolves with the time at which it said so, ms of `performance.now()`. Once said, it was said: only the next saying counts. */
  async says(pattern: RegExp): Promise<number> {
    const said = new Promise<number>((resolve) => this.#waiting.push({ pattern, resolve }))
    this.#hear('')
    const ended = this.exited.then(() => Number.NaN)
    const timer = new AbortController()
    const late = once(AbortSignal.any([AbortSignal.timeout(timeoutMs), timer.signal]), 'abort').then(() => Number.NaN)
    const at = await Promise.race([said, ended, late])
    timer.abort()
    if (Number.isNaN(at)) throw new Error(`${this.#name} did not say ${pattern}; it said:\n${this.#said.slice(-2000)}`)
    return at
  }

  /** The last of what it said. */
  get said(): string {
    return this.#said
  }

  #hear(text: string): void {
    const at = performance.now()
    this.#said = (this.#said + text).slice(-20_000)
    this.#waiting = this.#waiting.filter(({ pattern, resolve }) => {
      if (!pattern.test(this.#said)) return true
      resolve(at)
      return false
    })
  }

  /** @throws Error if it ended with a failure, or before it was told to */
  check(): void {
    if (this.#ended === null || this.#stopping || this.#ended.code === 0) return
    throw new Error(`${this.#name} ended with ${this.#ended.code ?? this.#ended.signal}:\n${this.#said.slice(-2000)}`)
  }

  /** CPU used so far, in ms; of a process that ended, as it was when last asked. 0 where /proc is not. */
  cpuMs(): number {
    try {
      const text = readFileSync(`/proc/${this.process.pid}/stat`, 'utf8')
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
      this.#cpuMs = Math.max(this.#cpuMs, (Number(fields[11]) + Number(fields[12])) * msPerTick)
    } catch {}
    return this.#cpuMs
  }

  /** Resident memory in MB; NaN once it ended. */
  memoryMb(): number {
    try {
      const status = readFileSync(`/proc/${this.process.pid}/status`, 'utf8')
      return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024
    } catch {
      return Number.NaN
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#stopping = true
    if (this.#ended === null) this.process.kill(signal)
    await this.exited
  }
}

/** Asks every 2 ms; in between the children have the machine. @throws Error what a child died of, or that it took too long */
export async function until(what: string, children: readonly Child[], reached: () => boolean): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!reached()) {
    for (const child of children) child.check()
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
