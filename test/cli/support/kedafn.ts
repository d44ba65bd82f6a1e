import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

const checkout = join(import.meta.dirname, '..', '..', '..')

export interface KedafnOptions {
  /** Besides PATH and HOME, nothing else of the environment reaches it. */
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string | Uint8Array
  readonly cwd?: string
  /** The repository whose `cli/kedafn` is run. @default this one */
  readonly root?: string
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** `kedafn`, as a person runs it without a terminal. It is gone when the test ends. */
export class Kedafn {
  readonly child: ChildProcess
  stdout = ''
  stderr = ''
  readonly ended: Promise<Ended>

  constructor(t: TestContext, args: readonly string[], options: KedafnOptions = {}) {
    const { env = {}, root = checkout, cwd = root, stdin } = options
    this.child = spawn(join(root, 'cli', 'kedafn'), args, {
      cwd,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    // It may end before it has read all.
    this.child.stdin?.on('error', () => {})
    if (stdin !== undefined) this.child.stdin?.end(stdin)
    this.ended = once(this.child, 'close').then(([code]) => ({ code, stdout: this.stdout, stderr: this.stderr }))
    t.after(async () => {
      if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL')
      await this.ended
    })
  }
}

/** Runs `kedafn` to its end; without `stdin` it reads nothing. */
export const kedafn = (t: TestContext, args: readonly string[], options: KedafnOptions = {}): Promise<Ended> =>
  new Kedafn(t, args, { stdin: '', ...options }).ended
