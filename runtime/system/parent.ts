import type { Clock, Instruments, ProcessReport } from '../ports.ts'

const reportEveryMs = 200

/** Tells the process that started this one how things stand. Without an IPC channel it does nothing. */
export class ParentReports {
  readonly #function: string
  readonly #clock: Clock
  #instruments: Instruments | null = null
  #state: ProcessReport['state'] = 'starting'
  #probePort: number | null = null
  #due = false

  constructor(name: string, clock: Clock) {
    this.#function = name
    this.#clock = clock
  }

  follow(instruments: Instruments): void {
    this.#instruments = instruments
  }

  state(state: ProcessReport['state']): void {
    this.#state = state
    this.changed()
  }

  probePort(port: number): void {
    this.#probePort = port
    this.changed()
  }

  /** Reports soon: one message for all that changes within a fifth of a second. */
  changed(): void {
    if (this.#due || !process.send) return
    this.#due = true
    this.#clock.after(reportEveryMs, () => {
      this.#due = false
      void this.#send()
    })
  }

  /** The last report; resolves when it is on its way. */
  async end(): Promise<void> {
    this.#state = 'ended'
    await this.#send()
  }

  #send(): Promise<void> {
    const counters = this.#instruments?.counters
    return new Promise((resolve) => {
      if (!process.send || !process.connected || !counters) return resolve()
      const report: ProcessReport = {
        kind: 'kedafn-report',
        function: this.#function,
        state: this.#state,
        counters,
        ...(this.#probePort === null ? {} : { probePort: this.#probePort }),
      }
      process.send(report, undefined, {}, () => resolve())
    })
  }
}
