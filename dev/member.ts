import { noCounters } from '../runtime/core/counters.ts'
import type { Counters, ProcessReport } from '../runtime/ports.ts'
import type { Plan } from './plan.ts'
import { type Exit, type Life, sum } from './process.ts'

/** What is known of a function at this moment. */
export interface MemberStatus {
  readonly state: ProcessReport['state'] | 'crashed'
  /** Totals over all lives. */
  readonly counters: Counters
  /** Deliveries that its process holds, neither acked nor moved nor handed back. */
  readonly unsettled: number
  readonly restarts: number
  /** Where this life answers probes; null: not yet. */
  readonly probePort: number | null
}

/** How long a function waits before it starts again. */
export interface BackOff {
  /** ms, after so many crashes in a row. */
  delayMs(crashes: number): number
  /** A crash that comes so long after the start is the first one again. */
  readonly resetAfterMs: number
  /** Progress, too, makes the next crash the first one again. */
  readonly progressResets: boolean
}

export interface MemberOptions {
  readonly plan: Plan
  /** Starts one life. */
  launch(reported: (report: ProcessReport) => void): Life
  /** Exit code 0 without being stopped means that its work is done. */
  readonly endsByItself: boolean
  /** Runs `fn` after `ms`; returns what takes it back. */
  after(ms: number, fn: () => void): () => void
  /** ms since an arbitrary moment. */
  now(): number
  changed(): void
  /** It ended without being told to, and starts again after `delayMs`; null: it does not. */
  crashed(exit: Exit, delayMs: number | null): void
  /** After so many crashes in a row without any progress it is given up; null: never. */
  readonly crashLimit: number | null
  /** @default {@link quickBackOff} */
  readonly backOff?: BackOff
}

const firstRestartMs = 200
const lastRestartMs = 10_000
/** After SIGKILL nothing but the kernel is waited for. */
const graceMarginMs = 2000

/** The delay before a restart after `crashes` crashes in a row, in ms: 200, 400, 800, … at most 10000. */
export const restartDelayMs = (crashes: number): number =>
  Math.min(lastRestartMs, firstRestartMs * 2 ** Math.min(30, crashes - 1))

export const quickBackOff: BackOff = { delayMs: restartDelayMs, resetAfterMs: lastRestartMs, progressResets: true }

/**
 * The kubelet's: at once, then after 10 s, 20 s, 40 s, … at most 300 s; forgotten after 10 min.
 * Source: kubernetes `pkg/kubelet/kubelet.go` (`backOffPeriod`, `MaxContainerBackOff`) and client-go's `flowcontrol.Backoff`.
 * @param fast divides every time
 */
export const kubeletBackOff = (fast: number): BackOff => ({
  delayMs: (crashes) => (crashes === 1 ? 0 : Math.min(300_000, 10_000 * 2 ** Math.min(30, crashes - 2)) / fast),
  resetAfterMs: 600_000 / fast,
  progressResets: false,
})

const settledOf = ({ acked, repeated, retried, dead, handedBack, lost }: Counters): number =>
  acked + repeated + retried + dead + handedBack + lost

/** Keeps one function running: a process that ended uncalled is started again, later each time; its totals go on. */
export class Member {
  readonly plan: Plan
  readonly #options: MemberOptions
  #process: Life | null = null
  #state: MemberStatus['state'] = 'ended'
  #before: Counters = noCounters
  #life: Counters = noCounters
  #crashes = 0
  #restarts = 0
  #probePort: number | null = null
  #stopping = false
  #cancelRestart: (() => void) | null = null
  #finished: Promise<Exit> = Promise.resolve({ code: 0, signal: null, error: null })
  #finish: (exit: Exit) => void = () => {}

  constructor(options: MemberOptions) {
    this.plan = options.plan
    this.#options = options
  }

  get status(): MemberStatus {
    const unsettled = this.plan.kind === 'consumer' ? this.#life.received - settledOf(this.#life) : 0
    return {
      state: this.#state,
      counters: sum(this.#before, this.#life),
      unsettled: Math.max(0, unsettled),
      restarts: this.#restarts,
      probePort: this.#probePort,
    }
  }

  /** The process of this life; null: there is none at the moment. */
  get pid(): number | null {
    return this.#process?.pid ?? null
  }

  /** Settles when it ended for good: its work is done, it was stopped, or it was given up. */
  get finished(): Promise<Exit> {
    return this.#finished
  }

  start(): void {
    this.#stopping = false
    this.#crashes = 0
    this.#finished = new Promise((resolve) => {
      this.#finish = resolve
    })
    this.#launch()
  }

  /**
   * Drains it: SIGTERM, and SIGKILL once its grace period is well over.
   * @returns true if it ended by itself with exit code 0, had not begun, or was not running
   */
  async stop(): Promise<boolean> {
    this.#stopping = true
    this.#cancelRestart?.()
    const running = this.#process
    if (!running) {
      if (this.#state === 'crashed') this.#end({ code: 0, signal: null, error: null })
      return true
    }
    const hadBegun = this.#state !== 'starting'
    running.terminate()
    const cancel = this.#options.after(this.plan.graceMs + graceMarginMs, () => running.kill())
    const { code, signal } = await running.ended
    cancel()
    // A process that did not listen to signals yet has done nothing either.
    return code === 0 || (!hadBegun && signal === 'SIGTERM')
  }

  /** Ends this life at once, as an accident would: it starts again. */
  crash(): void {
    this.#process?.kill()
  }

  tell(message: object): void {
    this.#process?.tell?.(message)
  }

  kill(): void {
    this.#stopping = true
    this.#cancelRestart?.()
    this.#process?.kill()
  }

  #launch(): void {
    this.#cancelRestart = null
    this.#state = 'starting'
    const begun = this.#options.now()
    const running = this.#options.launch((report) => {
      this.#state = report.state
      this.#life = report.counters
      this.#probePort = report.probePort ?? null
      this.#options.changed()
    })
    this.#process = running
    this.#options.changed()
    void running.ended.then((exit) => this.#ended(exit, this.#options.now() - begun))
  }

  #ended(exit: Exit, livedMs: number): void {
    const progress = settledOf(this.#life) + this.#life.confirmed
    this.#before = sum(this.#before, this.#life)
    this.#life = noCounters
    this.#process = null
    this.#probePort = null
    if (this.#stopping || (exit.code === 0 && this.#options.endsByItself)) {
      this.#end(exit)
      return
    }
    const { crashLimit, backOff = quickBackOff } = this.#options
    if (livedMs > backOff.resetAfterMs || (backOff.progressResets && progress > 0)) this.#crashes = 0
    this.#crashes++
    const delayMs = isFinal(exit) || this.#crashes === crashLimit ? null : backOff.delayMs(this.#crashes)
    this.#state = 'crashed'
    this.#options.crashed(exit, delayMs)
    if (delayMs === null) {
      this.#end(exit)
      return
    }
    this.#restarts++
    this.#cancelRestart = this.#options.after(delayMs, () => this.#launch())
    this.#options.changed()
  }

  #end(exit: Exit): void {
    this.#state = 'ended'
    this.#options.changed()
    this.#finish(exit)
  }
}

/** A configuration that only a person can mend: trying again is no use. */
const isFinal = ({ code, error }: Exit): boolean => code === 2 || error !== null
