import type { Turn } from './autoscaler/decision.ts'
import type { ShownProcess } from './live-message.ts'
import type { Snapshot } from './status.ts'
import type { RunFacts } from './summary.ts'

/** A process is in another state than before. */
export interface ProcessEvent {
  readonly event: 'process'
  readonly function: string
  readonly name: string
  readonly state: ShownProcess['state']
  readonly pid: number | null
}

/** What happens in a run, as a script is told. */
export type StartEvent =
  | { readonly event: 'note' | 'warning' | 'error'; readonly text: string }
  | {
      readonly event: 'start'
      readonly input: string
      readonly output: string
      readonly broker: string
      readonly functions: readonly string[]
      readonly fast: number
    }
  | { readonly event: 'page'; readonly url: string }
  | {
      readonly event: 'scale'
      readonly function: string
      readonly before: number
      readonly replicas: number
      readonly by: Turn
      readonly reason: string
    }
  | ProcessEvent
  | ({ readonly event: 'status' } & Snapshot)
  | ({ readonly event: 'end'; readonly exitCode: number } & RunFacts)

/** Where a run is shown. */
export interface Shown {
  say(text: string): void
  warn(text: string): void
  error(text: string): void
  /** @param lines the same for a person; none: a person sees it in the status */
  event(event: StartEvent, lines: readonly string[]): void
  status(snapshot: Snapshot): void
  /** Leaves the last status standing. */
  endStatus(): void
}
