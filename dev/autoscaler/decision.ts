import type { Decision, Observation, ScalingHistory } from './history.ts'
import { syncHpa } from './hpa.ts'
import { pollKeda } from './keda.ts'
import type { HpaPeriods, ScaledObject } from './scaled-object.ts'

/** Whose turn it is: KEDA polls each `pollingInterval`, the HPA syncs each 15 s. They know nothing of each other. */
export type Turn = 'keda' | 'hpa'

/** How many replicas there are to be, and why: of what is remembered, what is specified and what is seen, and nothing else. */
export function decide(
  turn: Turn,
  history: ScalingHistory,
  object: ScaledObject,
  observation: Observation,
  periods?: HpaPeriods,
): Decision {
  if (turn === 'keda') return pollKeda(history, object, observation)
  return syncHpa(history, object, observation, periods)
}
