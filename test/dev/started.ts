import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Repository } from '../tooling/repository.ts'

const poll = { interval: 20, timeout: 60_000 }

/** `npm start` in a copy of the repository, with what it prints. It and its processes are gone when the test ends. */
export class Started {
  readonly child: ChildProcess
  readonly exited: Promise<number | null>
  out = ''
  err = ''
  readonly #t: TestContext

  /** @param viaNpm as a person types it, else without npm in between */
  constructor(t: TestContext, repository: Repository, options: StartedOptions) {
    const { args = [], env = {}, viaNpm = false } = options
    const [command, ...before] = viaNpm ? ['npm', 'start', '--'] : [process.execPath, 'dev/start.ts']
    this.#t = t
    this.child = spawn(command, [...before, ...args], {
      cwd: repository.root,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...(options.url && { AMQP_URL: options.url }), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      this.out += chunk
    })
    this.child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.err += chunk
    })
    this.exited = once(this.child, 'close').then(([code]) => code)
    t.after(async () => {
      if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL')
      await this.exited
    })
  }

  /** Waits until it has printed this on stdout. */
  printed(pattern: RegExp): Promise<void> {
    return this.#until(() => assert.match(this.out, pattern))
  }

  /** Waits until it has printed this on stderr. */
  warned(pattern: RegExp): Promise<void> {
    return this.#until(() => assert.match(this.err, pattern))
  }

  /** Waits for its end. */
  async endsWith(code: number): Promise<void> {
    assert.equal(await this.exited, code, `stdout:\n${this.out}\nstderr:\n${this.err}`)
  }

  #until(holds: () => void): Promise<void> {
    return this.#t.waitFor(() => {
      assert.equal(this.child.exitCode, null, `it ended: ${this.out}${this.err}`)
      holds()
    }, poll)
  }
}

export interface StartedOptions {
  /** The broker; none: a private one. */
  readonly url?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly viaNpm?: boolean
}

/** Waits until no process runs a bundle of this repository. */
export const noneLeft = (t: TestContext, { root }: Repository): Promise<void> =>
  t.waitFor(
    () =>
      assert.deepEqual(
        commandLines().filter((line) => line.includes(join(root, 'dist'))),
        [],
      ),
    poll,
  )

/** The command lines of what a process has started. n.b. a bare Debian has no `ps`. */
export function childrenOf(parent: number | undefined): readonly string[] {
  if (!existsSync('/proc/self/stat')) return psLines('ppid,args').filter((line) => line.trim().startsWith(`${parent} `))
  return ofProcesses((folder) => {
    const stat = readFileSync(join(folder, 'stat'), 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent ? [commandLineIn(folder)] : []
  })
}

const commandLines = (): readonly string[] =>
  existsSync('/proc/self/cmdline') ? ofProcesses((folder) => [commandLineIn(folder)]) : psLines('args')

const psLines = (format: string): readonly string[] =>
  execFileSync('ps', ['-axo', format], { encoding: 'utf8' }).split('\n')

const commandLineIn = (folder: string): string => readFileSync(join(folder, 'cmdline'), 'utf8').replaceAll('\0', ' ')

/** What is told of each process; one that is gone meanwhile has nothing to tell. */
const ofProcesses = (tell: (folder: string) => readonly string[]): readonly string[] =>
  readdirSync('/proc').flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) ? tell(join('/proc', pid)) : []
    } catch {
      return []
    }
  })

/** Waits until a file of the repository holds this. */
export const holds = (t: TestContext, repository: Repository, path: string, contents: string): Promise<void> =>
  t.waitFor(() => assert.equal(repository.read(path), contents), poll)
