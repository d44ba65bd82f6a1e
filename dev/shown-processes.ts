import type { Fleet } from './fleet.ts'
import type { ShownProcess } from './live-message.ts'
import type { LogTail } from './log-tail.ts'

/** So long a process that is gone still stands there, with its last lines. */
const goneShownMs = 10_000

export interface ShownOptions {
  readonly fleet: Pick<Fleet, 'processes'>
  readonly tails: ReadonlyMap<string, Pick<LogTail, 'recent'>>
  /** ms since 1970. */
  now(): number
}

/** The processes as the page lists them: those that are there, and for a while those that are gone. */
export class ShownProcesses {
  readonly #options: ShownOptions
  #there: ReadonlyMap<string, ShownProcess> = new Map()
  readonly #gone = new Map<string, { readonly process: ShownProcess; readonly atMs: number }>()

  constructor(options: ShownOptions) {
    this.#options = options
  }

  /** To be called often, also while nobody looks: what is gone counts from the first look without it. */
  look(): readonly ShownProcess[] {
    const { fleet, tails, now } = this.#options
    const nowMs = now()
    const there = new Map(
      fleet.processes.map(({ plan, pod }): [string, ShownProcess] => {
        const { name, counters } = pod
        const process = {
          ...{ name, function: plan.name, state: stateOf(pod), pid: pod.pid },
          ageMs: pod.createdMs === 0 ? null : nowMs - pod.createdMs,
          restarts: pod.restarts,
          holds: pod.unsettled,
          done: plan.kind === 'consumer' ? counters.acked : counters.confirmed,
          log: tails.get(name)?.recent ?? [],
        }
        return [name, process]
      }),
    )
    for (const [name, process] of this.#there) {
      if (!there.has(name)) {
        this.#gone.set(name, { process: { ...process, state: 'gone', pid: null, holds: 0 }, atMs: nowMs })
      }
    }
    this.#there = there
    for (const [name, { process, atMs }] of this.#gone) {
      if (there.has(name) || nowMs - atMs >= goneShownMs) this.#gone.delete(name)
      // What it said last may be read only now.
      else this.#gone.set(name, { process: { ...process, log: tails.get(name)?.recent ?? process.log }, atMs })
    }
    return [...there.values(), ...[...this.#gone.values()].reverse().map(({ process }) => process)]
  }
}

export function stateOf({ draining, ready, state }: Fleet['processes'][number]['pod']): ShownProcess['state'] {
  if (state === 'crashed' || state === 'ended') return state
  if (draining || state === 'draining') return 'draining'
  if (ready) return 'ready'
  return state === 'starting' ? 'starting' : 'not ready'
}
