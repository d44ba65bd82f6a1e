import type { Clock } from './ports.ts'

/** When a consumer that takes only so many deliveries is through: all of them are settled, or none came for a while. */
export class Quota {
  readonly #max: number
  readonly #idleMs: number
  readonly #clock: Clock
  /** True if nothing is held or on its way to another queue. */
  readonly #quiet: () => boolean
  #taken = 0
  #cancelTimer = () => {}
  #complete: () => void = () => {}
  /** Never resolves without a limit. */
  readonly complete: Promise<void> = new Promise((resolve) => {
    this.#complete = resolve
  })

  /** @param max 0 for no limit */
  constructor({ max, idleMs, clock, quiet }: { max: number; idleMs: number; clock: Clock; quiet: () => boolean }) {
    this.#max = max
    this.#idleMs = idleMs
    this.#clock = clock
    this.#quiet = quiet
  }

  /** True once nothing more is to be taken. */
  get used(): boolean {
    return this.#max > 0 && this.#taken >= this.#max
  }

  take(): void {
    this.#taken++
    this.watch()
  }

  /** To be called when it begins to wait, and whenever something has ended. */
  watch(): void {
    if (this.#max === 0) return
    this.#cancelTimer()
    if (!this.#quiet()) return
    if (this.used) this.#complete()
    else this.#cancelTimer = this.#clock.after(this.#idleMs, () => this.#complete())
  }
}
