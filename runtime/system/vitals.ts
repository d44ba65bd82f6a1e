import { FnError } from '../core/errors.ts'
import { type HealthAnswer, healthOf, type SessionHealth } from '../core/health.ts'
import type { Clock, Health, Log, SessionReports } from '../ports.ts'

/** What the sessions of this process told of themselves, and what it says of itself because of that. */
export class VitalSigns implements Health {
  readonly #clock: Clock
  readonly #log: Log
  readonly #budgetMs: number
  readonly #sessions = new Set<Reports>()
  #noneSinceMs: number
  #draining = false

  /** @param budgetMs for how long a session may be away */
  constructor(clock: Clock, log: Log, budgetMs: number) {
    this.#clock = clock
    this.#log = log
    this.#budgetMs = budgetMs
    this.#noneSinceMs = clock.monotonic()
  }

  session(role: string): SessionReports {
    const reports = new Reports(role, this.#clock, {
      budgetMs: this.#budgetMs,
      exceeded: (cause) => this.#exceeded(role, cause),
      ended: () => {
        this.#sessions.delete(reports)
        if (this.#sessions.size === 0) this.#noneSinceMs = this.#clock.monotonic()
      },
    })
    this.#sessions.add(reports)
    return reports
  }

  /** From now on it is live until it ends: a grace period bounds that. */
  drain(): void {
    this.#draining = true
  }

  /** How it is right now. */
  answer(): HealthAnswer {
    const sessions = [...this.#sessions].map(({ now }) => now)
    const vitals = { sessions, noneSinceMs: this.#noneSinceMs, draining: this.#draining }
    return healthOf(vitals, this.#clock.monotonic(), this.#budgetMs)
  }

  #exceeded(role: string, cause: string): void {
    if (this.#draining) return
    const detail = `the ${role} has had none for ${this.#budgetMs} ms (KEDAFN_RECONNECT_BUDGET_MS): ${cause}`
    const error = new FnError('FN_BROKER_AWAY', detail)
    this.#log.error('no session with the broker for too long; trying on, and no longer live', { error })
  }
}

interface Watching {
  readonly budgetMs: number
  /** Called once for each time it is away for longer than the budget. */
  exceeded(cause: string): void
  ended(): void
}

class Reports implements SessionReports {
  readonly #clock: Clock
  readonly #watching: Watching
  now: SessionHealth
  #cancelTimer: () => void

  constructor(role: string, clock: Clock, watching: Watching) {
    this.#clock = clock
    this.#watching = watching
    this.now = { role, state: 'away', sinceMs: clock.monotonic(), cause: 'not connected yet', blocked: null }
    this.#cancelTimer = this.#watchBudget()
  }

  away(cause: string): void {
    if (this.now.state === 'away') this.now = { ...this.now, cause, blocked: null }
    else {
      this.#become('away', cause)
      this.#cancelTimer = this.#watchBudget()
    }
  }

  waiting(cause: string): void {
    if (this.now.state !== 'waiting') this.#become('waiting', cause)
  }

  standing(): void {
    if (this.now.state !== 'standing') this.#become('standing', '')
  }

  blocked(reason: string | null): void {
    this.now = { ...this.now, blocked: reason }
  }

  ended(): void {
    this.#cancelTimer()
    this.#watching.ended()
  }

  #become(state: SessionHealth['state'], cause: string): void {
    this.#cancelTimer()
    const { role, blocked } = this.now
    this.now = { role, state, sinceMs: this.#clock.monotonic(), cause, blocked: state === 'away' ? null : blocked }
  }

  #watchBudget(): () => void {
    return this.#clock.after(this.#watching.budgetMs, () => this.#watching.exceeded(this.now.cause))
  }
}
