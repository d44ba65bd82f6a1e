import type { Fleet } from './fleet.ts'
import type { Plan } from './plan.ts'
import type { Depth } from './queue-depth.ts'
import type { Snapshot } from './status.ts'

/** Functions that read the input, if there are any; else all producers. So too for the output. */
export function endsOf(plans: readonly Plan[]): {
  readonly reads: (plan: Plan) => boolean
  readonly writes: (plan: Plan) => boolean
} {
  const anyReads = plans.some(({ readsInput }) => readsInput)
  const anyWrites = plans.some(({ writesOutput }) => writesOutput)
  return {
    reads: (plan) => (anyReads ? plan.readsInput : plan.kind === 'producer'),
    writes: (plan) => (anyWrites ? plan.writesOutput : plan.kind === 'consumer'),
  }
}

/** The state of things now. `depths` null: the broker cannot be asked at the moment. */
export function snapshotOf(
  fleet: Fleet,
  plans: readonly Plan[],
  depths: readonly Depth[] | null,
  told: Pick<Snapshot, 'linesPerSecond' | 'waitedMs' | 'phase'>,
): Snapshot {
  const { reads, writes } = endsOf(plans)
  const { sent, confirmed } = fleet.totals(reads)
  const queues = [...new Set(plans.map(({ queue }) => queue))]
  return {
    queues: queues.map((name) => {
      const depth = depths?.find(({ queue }) => queue === name)
      const consumers = fleet.statuses.filter(({ plan }) => plan.kind === 'consumer' && plan.queue === name)
      return {
        name,
        ready: depths === null ? null : (depth?.ready ?? 0),
        unacked: consumers.reduce((total, { status }) => total + status.unsettled, 0),
        retrying: depth?.retrying ?? 0,
        // n.b. the broker goes on counting a consumer for a while that is gone already.
        consumers: processesOf(fleet, name),
        wanted: consumers.reduce((total, { plan }) => total + fleet.population(plan.name).replicas, 0),
      }
    }),
    sent,
    confirmed,
    written: fleet.totals(writes).acked,
    dead: fleet.totals(() => true).dead,
    restarts: fleet.statuses.reduce((total, { status }) => total + status.restarts, 0),
    ...told,
  }
}

/** Processes that take deliveries of a queue, and those that drain. */
const processesOf = (fleet: Fleet, queue: string): number =>
  fleet.processes.filter(({ plan, pod }) => plan.kind === 'consumer' && plan.queue === queue && pod.pid !== null).length
