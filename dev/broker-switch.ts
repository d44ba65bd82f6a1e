import { describe } from '../runtime/core/errors.ts'
import { UsageError } from './arguments.ts'
import type { BrokerHandle } from './broker.ts'

export type BrokerState = 'running' | 'stopping' | 'stopped' | 'starting'

export interface BrokerSwitchOptions {
  readonly broker: BrokerHandle
  /** It ended by itself, and is started again. */
  ended(): void
  changed(state: BrokerState): void
}

/** Keeps a broker of our own running: one that dies is started again, one that a person stopped stays away until it is wanted. */
export class BrokerSwitch {
  /** Rejects if it cannot be started again after its end. */
  readonly failed: Promise<never>
  readonly #options: BrokerSwitchOptions
  #fail: (error: unknown) => void = () => {}
  #state: BrokerState = 'running'
  #over = false

  constructor(options: BrokerSwitchOptions) {
    this.#options = options
    this.failed = new Promise((_resolve, reject) => {
      this.#fail = reject
    })
    this.failed.catch(() => {})
    if (options.broker.owned) this.#watch()
  }

  get state(): BrokerState {
    return this.#state
  }

  /** @throws UsageError if it is not running */
  async stop(): Promise<void> {
    if (this.#state !== 'running') throw new UsageError(`the broker is ${this.#state}`)
    this.#become('stopping')
    await this.#options.broker.stop()
    this.#become('stopped')
  }

  /** @throws UsageError if it is not stopped; Error if it does not start */
  async start(): Promise<void> {
    if (this.#state !== 'stopped') throw new UsageError(`the broker is ${this.#state}`)
    try {
      await this.#restart()
    } catch (error) {
      this.#become('stopped')
      throw new Error(`the broker cannot be started again: ${describe(error)}`, { cause: error })
    }
  }

  /** From now on it is left as it is. */
  end(): void {
    this.#over = true
  }

  async #restart(): Promise<void> {
    this.#become('starting')
    await this.#options.broker.restart()
    if (this.#over) return
    this.#become('running')
    this.#watch()
  }

  #watch(): void {
    // n.b. it never settles once the broker was stopped on purpose.
    void this.#options.broker.ended.then(() => {
      if (this.#over || this.#state !== 'running') return
      this.#options.ended()
      this.#restart().catch(this.#fail)
    })
  }

  #become(state: BrokerState): void {
    this.#state = state
    this.#options.changed(state)
  }
}
