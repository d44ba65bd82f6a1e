import { Readable } from 'node:stream'
import type { Io } from '../../../cli/command.ts'

/** A world of a test: what is written is kept, and time goes only when the test says so. */
export class TestIo implements Io {
  readonly written = { stdout: '', stderr: '' }
  readonly stdin: Io['stdin']
  readonly isTerminal: Io['isTerminal']
  readonly width: number
  readonly colour = false
  readonly env: Io['env']
  readonly cwd = '/'
  readonly stopping = new AbortController()
  readonly signal = this.stopping.signal
  nowMs = 1_000_000

  constructor({
    env = {},
    isTerminal = false,
    width = 80,
  }: { env?: Io['env']; isTerminal?: boolean; width?: number } = {}) {
    this.stdin = Readable.from([])
    this.env = env
    this.isTerminal = { stdin: isTerminal, stdout: isTerminal, stderr: isTerminal }
    this.width = width
  }

  readonly stdout = this.#output('stdout')
  readonly stderr = this.#output('stderr')
  readonly now = (): number => this.nowMs
  readonly ask = async (): Promise<null> => null

  #output(name: 'stdout' | 'stderr') {
    return {
      write: async (chunk: string | Uint8Array): Promise<void> => {
        this.written[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
      },
    }
  }
}
