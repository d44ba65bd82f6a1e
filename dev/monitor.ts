import type { Fleet } from './fleet.ts'
import type { LogTail } from './log-tail.ts'
import type { Plan } from './plan.ts'
import type { Depth, DepthReader } from './queue-depth.ts'
import type { ProcessEvent, Shown } from './shown.ts'
import { stateOf } from './shown-processes.ts'
import { endsOf, snapshotOf } from './snapshot.ts'
import { Rate, type Snapshot } from './status.ts'
import { WaitingTime } from './waiting-time.ts'

export interface MonitorOptions {
  readonly fleet: Fleet
  readonly plans: readonly Plan[]
  readonly depths: DepthReader
  readonly tails: ReadonlyMap<string, LogTail>
  readonly screen: Shown
  /** ms, never goes back. */
  now(): number
}

const statusEveryMs = 200
const depthEveryMs = 500

/** Shows how things stand while the fleet runs: the status line, and what functions warn of. */
export class Monitor {
  readonly #options: MonitorOptions
  readonly #rate = new Rate()
  readonly #waiting = new WaitingTime()
  #waitedMs: number | null = null
  readonly #timers: readonly NodeJS.Timeout[]
  #depths: readonly Depth[] | null = []
  #phase: string | null = null
  #asking = false
  #shown: ReadonlyMap<string, ProcessEvent> = new Map()

  constructor(options: MonitorOptions) {
    this.#options = options
    const ask = () => void this.#ask()
    this.#timers = [setInterval(() => this.#show(), statusEveryMs), setInterval(ask, depthEveryMs)]
    ask()
  }

  phase(text: string | null): void {
    this.#phase = text
    this.#show()
  }

  /** How things stand. */
  get snapshot(): Snapshot {
    const { fleet, plans } = this.#options
    const linesPerSecond = this.#rate.perSecond
    return snapshotOf(fleet, plans, this.#depths, { linesPerSecond, waitedMs: this.#waitedMs, phase: this.#phase })
  }

  /** Shows the last state, with `depths` if they are known. */
  end(depths: readonly Depth[] | null): void {
    for (const timer of this.#timers) clearInterval(timer)
    this.#depths = depths ?? this.#depths
    this.#phase = null
    this.#show()
    this.#options.screen.endStatus()
  }

  #show(): void {
    const { fleet, plans, tails, screen, now } = this.#options
    for (const tail of tails.values()) {
      for (const alert of tail.read(now())) {
        const text = `${alert.function}: ${alert.text}`
        if (alert.level === 'error') screen.error(text)
        else screen.warn(text)
      }
    }
    const { reads, writes } = endsOf(plans)
    const [{ confirmed }, { acked: written }] = [fleet.totals(reads), fleet.totals(writes)]
    this.#rate.add(written, now())
    const waitedMs = this.#waiting.add(now(), confirmed, written) ?? this.#waitedMs
    this.#waitedMs = written < confirmed ? waitedMs : null
    this.#showProcesses()
    screen.status(this.snapshot)
  }

  #showProcesses(): void {
    const { fleet, screen } = this.#options
    const now = new Map<string, ProcessEvent>()
    for (const { plan, pod } of fleet.processes) {
      const { name, pid } = pod
      // One that has not begun yet.
      if (pod.state === 'ended' && !this.#shown.has(name)) continue
      now.set(name, { event: 'process', function: plan.name, name, state: stateOf(pod), pid })
    }
    for (const [name, shown] of now) if (this.#shown.get(name)?.state !== shown.state) screen.event(shown, [])
    for (const [name, shown] of this.#shown) {
      if (!now.has(name)) screen.event({ ...shown, state: 'gone', pid: null }, [])
    }
    this.#shown = now
  }

  async #ask(): Promise<void> {
    if (this.#asking) return
    this.#asking = true
    const known = await this.#options.depths.read('work')
    this.#asking = false
    this.#depths = known
  }
}
