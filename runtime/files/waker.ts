import type { Clock } from '../ports.ts'

/** Lets one at a time wait for a change, and for no longer than it says. */
export class Waker {
  readonly #clock: Clock
  #changed = false
  #closed = false
  #wake: (() => void) | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Forgets the changes so far. Call it before looking, so that none is missed between looking and waiting. */
  reset(): void {
    this.#changed = false
  }

  /** Ends a wait. */
  wake(): void {
    this.#changed = true
    this.#wake?.()
  }

  /** Resolves on a change since {@link reset}, after `ms`, or when `signal` fires. */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#changed || this.#closed || signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const end = () => {
        cancel()
        signal.removeEventListener('abort', end)
        this.#wake = null
        resolve()
      }
      const cancel = this.#clock.after(ms, end)
      signal.addEventListener('abort', end)
      this.#wake = end
    })
  }

  /** From now on nobody waits. */
  close(): void {
    this.#closed = true
    this.wake()
  }
}
