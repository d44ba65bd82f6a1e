import type { BrokerState } from './broker-switch.ts'
import type { Verdict } from './ledger.ts'
import type { Plan } from './plan.ts'
import type { ScalingEvent } from './scaling-run.ts'

/** What a page is told, as it goes over the wire. */
export type LiveMessage =
  | {
      readonly kind: 'hello'
      readonly facts: LiveFacts
      readonly samples: readonly Sample[]
      readonly events: readonly LiveEvent[]
    }
  | { readonly kind: 'sample'; readonly sample: Sample }
  | { readonly kind: 'processes'; readonly processes: readonly ShownProcess[] }
  | { readonly kind: 'event'; readonly event: LiveEvent }
  | { readonly kind: 'state'; readonly state: LiveState }

/** What does not change while it runs. */
export interface LiveFacts {
  readonly fast: number
  readonly input: string
  readonly output: string
  readonly broker: string
  /** Why a button is not there; null: it is. */
  readonly absent: { readonly broker: string | null; readonly network: string | null }
  readonly functions: readonly {
    readonly name: string
    readonly kind: Plan['kind']
    readonly queue: string
    readonly scaled: boolean
    /** Messages that one replica is for; null: not scaled by its queue. */
    readonly messagesPerReplica: number | null
    readonly maxReplicas: number | null
  }[]
}

/** What a person can change. */
export interface LiveState {
  readonly paused: boolean
  readonly delayMs: number
  readonly broker: BrokerState
  /** The functions cannot reach the broker. */
  readonly networkBroken: boolean
  /** What the files say since everything came to rest; null: not compared yet, or lines are on their way. */
  readonly verdict: Verdict | null
  /** The last word of both controllers, by function. */
  readonly reasons: Readonly<Record<string, Readonly<Partial<Record<ScalingEvent['turn'], string>>>>>
}

export interface Sample {
  readonly atMs: number
  readonly functions: Readonly<Record<string, FunctionSample>>
  readonly sent: number
  readonly confirmed: number
  readonly written: number
  readonly linesPerSecond: number
  /** How long the line waited that was written last; null: none was written since the last sample. */
  readonly waitedMs: number | null
}

export interface FunctionSample {
  /** null: the broker cannot be asked. */
  readonly ready: number | null
  readonly unacked: number
  readonly retrying: number
  readonly desired: number
  readonly actual: number
  readonly readyPods: number
  readonly draining: number
  /** Totals. */
  readonly retried: number
  readonly dead: number
  readonly restarts: number
}

export interface LiveEvent {
  readonly atMs: number
  readonly kind: 'scale' | 'warning' | 'action' | 'checked'
  readonly text: string
}

export interface ShownProcess {
  readonly name: string
  readonly function: string
  readonly state: 'starting' | 'ready' | 'not ready' | 'draining' | 'crashed' | 'ended' | 'gone'
  readonly pid: number | null
  readonly ageMs: number | null
  readonly restarts: number
  /** Messages it holds. */
  readonly holds: number
  readonly done: number
  readonly log: readonly string[]
}
