import type { Clock } from '../runtime/ports.ts'
import type { Inspector } from '../runtime/rabbitmq/inspect.ts'
import { Autoscaler } from './autoscaler/autoscaler.ts'
import type { Turn } from './autoscaler/decision.ts'
import { queueMetrics } from './autoscaler/queue-metrics.ts'
import type { ScaledObject } from './autoscaler/scaled-object.ts'
import type { Fleet, FleetSize } from './fleet.ts'
import type { Plan } from './plan.ts'
import { scalingPlanOf } from './scaling.ts'
import { knowsCpuUsage } from './usage.ts'

export interface ScalingOptions {
  readonly plans: readonly Plan[]
  readonly root: string
  readonly fast: number
  readonly clock: Clock
  readonly inspector: Inspector
  readonly managementUrl: string | null
  readonly vhost: string
  /** One line for the person at the terminal. */
  say(line: string): void
}

/** One decision, whether it changed anything or not. */
export interface ScalingEvent {
  /** ms since 1970. */
  readonly atMs: number
  readonly target: string
  readonly turn: Turn
  readonly before: number
  readonly replicas: number
  readonly reason: string
}

export interface Scaling {
  readonly objects: readonly ScaledObject[]
  readonly sizes: ReadonlyMap<string, FleetSize>
  /** The autoscaler of a fleet, not started. */
  over(fleet: Fleet, decided?: (event: ScalingEvent) => void): Autoscaler
}

const lookTimeoutMs = 5000

/** Reads the rendered objects and says what is not scaled. @throws UsageError with all that is wrong in them */
export async function prepareScaling(options: ScalingOptions): Promise<Scaling> {
  const { plans, root, fast, clock, inspector, managementUrl, vhost, say } = options
  const { objects, fixed, notes } = scalingPlanOf(plans, root, {
    management: managementUrl !== null,
    cpu: knowsCpuUsage(),
  })
  for (const note of notes) say(note)
  if (fast !== 1 && objects.length > 0) {
    say(`scaling goes ${fast} times as fast as in a cluster: every period of KEDA and of the HPA is divided by ${fast}`)
  }
  const sizes = new Map<string, FleetSize>(fixed)
  for (const { target, minReplicas } of objects) {
    const queue = plans.find(({ name }) => name === target)?.queue ?? ''
    // A queue is declared by its consumer: while nobody has, what is sent would be lost to it, and KEDA would see nothing.
    const first = (await stands(inspector, queue)) ? minReplicas : Math.max(1, minReplicas)
    sizes.set(target, { first, scaled: true })
  }
  const metrics = queueMetrics({ inspector, managementUrl, vhost })
  return {
    objects,
    sizes,
    over(fleet, decided = () => {}) {
      const autoscaler = new Autoscaler({
        ...{ objects, metrics, clock, fast },
        fleet: {
          population: (target) => fleet.population(target),
          setReplicas(target, replicas) {
            fleet.setReplicas(target, replicas)
          },
        },
        decided(target, turn, replicas, reason) {
          const before = fleet.population(target).replicas
          decided({ atMs: clock.now(), target, turn, before, replicas, reason })
        },
      })
      return autoscaler
    },
  }
}

/** False if the broker cannot be asked in time. */
async function stands(inspector: Inspector, queue: string): Promise<boolean> {
  const late = new Promise<null>((resolve) => setTimeout(resolve, lookTimeoutMs, null).unref())
  return (await Promise.race([inspector.depth(queue), late]).catch(() => null)) !== null
}
