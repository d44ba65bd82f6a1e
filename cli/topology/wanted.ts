import { type Permissions, permissionsOf } from '../../runtime/core/permissions.ts'
import { scalingOf } from '../../runtime/core/scaling.ts'
import { isConsumer, requiredVariables } from '../../runtime/core/spec.ts'
import { checkpointQueueOf, type Declaration, producerTopologyOf } from '../../runtime/core/topology.ts'
import { type FunctionFacts, orderedQueuesOf } from '../../tooling/functions.ts'
import { declarationsOf } from '../../tooling/render/topology.ts'
import type { Plan } from '../doctor/facts.ts'

/** Where producers keep their checkpoints: in the broker they need a queue each. */
export type CheckpointPlace = 'file' | 'broker'

/** What a function wants of the broker, of KEDA and of its cluster. */
function planOf(facts: FunctionFacts, checkpoint: CheckpointPlace, ordered: ReadonlySet<string>): Plan {
  const { name, spec } = facts
  const exchange = spec.exchange ?? spec.queue
  const shared = { name, queue: spec.queue, exchange, optional: requiredVariables(spec).length > 0 }
  if (isConsumer(spec)) {
    return {
      ...shared,
      role: 'consumer',
      topology: declarationsOf(facts),
      scaling: scalingOf(name, spec),
      permissions: { queue: spec.queue, exchange, topology: 'verify' },
    }
  }
  const own = declarationsOf(facts).filter(
    (one) => one.kind === 'queue' && checkpoint === 'broker' && one.name === checkpointQueueOf(spec.queue, name),
  )
  return {
    ...shared,
    role: 'producer',
    topology: [...producerTopologyOf(spec.queue, exchange, ordered.has(spec.queue)), ...own],
    scaling: null,
    permissions: { queue: spec.queue, exchange, topology: 'verify', checkpoint, source: name },
  }
}

export const plansOf = (facts: readonly FunctionFacts[], checkpoint: CheckpointPlace): readonly Plan[] =>
  facts.map((one) => planOf(one, checkpoint, orderedQueuesOf(facts)))

/** All that functions want declared, each thing once, targets of dead letters before their sources. */
export function wantedOf(plans: readonly Plan[]): readonly Declaration[] {
  const wanted = new Map<string, Declaration>()
  // Only a consumer knows how its queue is made: it comes first.
  for (const role of ['consumer', 'producer'] as const) {
    for (const plan of plans.filter((one) => one.role === role)) {
      for (const declaration of plan.topology) {
        const key = declaration.kind === 'binding' ? `${declaration.exchange}\n${declaration.queue}` : declaration.name
        const known = `${declaration.kind}\n${key}`
        if (!wanted.has(known)) wanted.set(known, declaration)
      }
    }
  }
  return [...wanted.values()]
}

/** The least that each function's login needs, by role. */
export const leastPermissions = (plan: Plan): Permissions => permissionsOf(plan.role, plan.permissions)

/** What KEDA needs for a function. */
export const scalerPermissions = ({ queue, exchange }: Plan): Permissions =>
  permissionsOf('scaler', { queue, exchange, topology: 'verify' })
