import { type DrainOutcome, drainOutcomeAfter, drainOutcomes, type Event } from '../core/lifecycle.ts'
import type { Clock, Instruments } from '../ports.ts'

/** Measures how this process came up, phase by phase, and how long its drain takes. */
export class Lifetime {
  readonly #instruments: Instruments
  readonly #clock: Clock
  /** When the last phase ended, ms since the process began; null once it did its first work. */
  #phaseBegan: number | null
  #ready = false
  #drainBegan: number | null = null
  #drainOutcome: DrainOutcome = 'pending'

  /** @param clock its monotonic time counts from the beginning of the process */
  constructor(instruments: Instruments, clock: Clock) {
    this.#instruments = instruments
    this.#clock = clock
    this.#phaseBegan = 0
    this.#phase('boot')
  }

  /** A session consumes or publishes. */
  ready(): void {
    if (this.#ready) return
    this.#ready = true
    this.#phase('init')
    this.#instruments.record('faas.init_duration', this.#clock.monotonic() / 1000)
  }

  /** Something is acked or confirmed. */
  worked(): void {
    if (this.#phaseBegan === null) return
    // A delivery can be there before the session is said to stand.
    this.ready()
    this.#phase('work')
    this.#phaseBegan = null
    this.#instruments.count('faas.coldstarts', 1)
  }

  drain(): void {
    if (this.#drainBegan !== null) return
    this.#drainBegan = this.#clock.monotonic()
    this.#instruments.observe('kedafn.drain.running', () => 1)
    this.#instruments.observe('kedafn.drain.duration', () => (this.drainMs ?? 0) / 1000)
    for (const outcome of drainOutcomes)
      this.#instruments.observe('kedafn.drain.outcome', () => Number(this.#drainOutcome === outcome), outcome)
  }

  /** Tells what happened to a drain that runs; without one it changes nothing. */
  drainSaw(event: Event): void {
    if (this.#drainBegan !== null) this.#drainOutcome = drainOutcomeAfter(this.#drainOutcome, event)
  }

  /** What is known of the drain; null if there is none. */
  get drainOutcome(): DrainOutcome | null {
    return this.#drainBegan === null ? null : this.#drainOutcome
  }

  /** How long the drain has taken so far; null if there is none. */
  get drainMs(): number | null {
    return this.#drainBegan === null ? null : this.#clock.monotonic() - this.#drainBegan
  }

  #phase(phase: 'boot' | 'init' | 'work'): void {
    const now = this.#clock.monotonic()
    const seconds = (now - (this.#phaseBegan ?? now)) / 1000
    this.#phaseBegan = now
    this.#instruments.observe('kedafn.coldstart.phase.duration', () => seconds, phase)
  }
}
