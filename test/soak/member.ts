import { FunctionProcess } from '../support/function-process.ts'

/** A function that is started again whenever it has ended, as a cluster would do. */
export class Member {
  readonly name: string
  readonly #start: () => FunctionProcess
  #process: FunctionProcess
  #wanted = true
  #forced = false
  /** How often it was told to drain. */
  #told = 0
  /** Settles when it ended and is not to be started again. */
  readonly over: Promise<void>
  /** Each end that nobody asked for, and each drain that failed. */
  readonly problems: string[] = []
  lives = 0

  constructor(name: string, bundle: string, env: Record<string, string>, folder: string) {
    this.name = name
    this.#start = () => {
      this.lives++
      this.#forced = false
      this.#told = 0
      return new FunctionProcess(bundle, env, folder)
    }
    this.#process = this.#start()
    this.over = this.#watch()
  }

  /** SIGKILL: a crash. */
  crash(): void {
    this.#forced = true
    this.#process.kill('SIGKILL')
  }

  /** SIGTERM: it drains, and another one takes its place. */
  replace(): void {
    this.#told++
    this.#process.kill('SIGTERM')
  }

  /** Stops it as it is; it goes on when the returned function is called. */
  pause(): () => void {
    const paused = this.#process
    paused.kill('SIGSTOP')
    return () => paused.kill('SIGCONT')
  }

  /** Drains it for good. */
  async end(): Promise<void> {
    this.#wanted = false
    this.replace()
    await this.over
  }

  /** Ends it at once, whatever becomes of its work. */
  async dispose(): Promise<void> {
    this.#wanted = false
    this.crash()
    await this.over
  }

  async #watch(): Promise<void> {
    for (;;) {
      const { code, signal } = await this.#process.exited
      // Told to stop before it ran a line of ours: it had taken nothing.
      const unborn = signal === 'SIGTERM' && this.#process.entries.length === 0
      // n.b. told twice, it does not wait any more, and says so by its exit code.
      const drained = this.#told > 0 && (code === 0 || unborn || (this.#told > 1 && code === 1))
      if (!drained && !this.#forced) {
        const last = this.#process.entries.findLast(({ level }) => level === 'error')
        this.problems.push(`${this.name} ended with ${signal ?? code}: ${JSON.stringify(last)} ${this.#process.stderr}`)
      }
      if (!this.#wanted) return
      this.#process = this.#start()
    }
  }
}
