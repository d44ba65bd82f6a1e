import { execFile } from 'node:child_process'

/** One question; a cluster that does not answer must not hold anybody up. */
const requestSeconds = 5
const processTimeoutMs = 10_000
const outputBytes = 2 ** 28

export interface KubectlOptions {
  /** Its path or name. */
  readonly command: string
  readonly context: string | undefined
  readonly signal: AbortSignal
}

export type Answer = { readonly text: string; readonly said: string } | { readonly why: string }

/** Asks a cluster, and changes nothing: it is called with `get`, `version` and `kustomize` alone. */
export class Kubectl {
  readonly #options: KubectlOptions

  constructor(options: KubectlOptions) {
    this.#options = options
  }

  /** What it prints, and what it says beside that; or why there is no answer. Never rejects. */
  ask(...args: readonly string[]): Promise<Answer> {
    const { command, context, signal } = this.#options
    const all = [
      ...(context === undefined ? [] : [`--context=${context}`]),
      `--request-timeout=${requestSeconds}s`,
      ...args,
    ]
    return new Promise((resolve) => {
      execFile(command, all, { timeout: processTimeoutMs, maxBuffer: outputBytes, signal }, (error, stdout, stderr) => {
        if (!error) resolve({ text: stdout, said: stderr })
        else if ('code' in error && error.code === 'ENOENT') resolve({ why: `there is no ${command} here` })
        else resolve({ why: lastLine(stderr) || error.message })
      })
    })
  }

  /** The items of a list. @returns null if they cannot be had, which `unseen` then says */
  async items<T>(what: string, unseen: string[], ...args: readonly string[]): Promise<readonly T[] | null> {
    const answer = await this.ask('get', what, ...args, '-o', 'json')
    if ('text' in answer) return (JSON.parse(answer.text) as { items: readonly T[] }).items
    unseen.push(`${what}: ${answer.why}`)
    return null
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? ''
