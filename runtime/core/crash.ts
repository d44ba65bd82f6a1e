import { deliveryCount, isSuspect } from './headers.ts'
import type { Headers } from './spec.ts'

/** A copy that the broker took back so often may be what kills its process. */
export const suspectAfter = 3
/** A suspect is handled alone, so what it is taken back for now is its own doing. */
export const crashesOfSuspect = 3

/**
 * What to do with a delivery before it is handled:
 * `handle` it as any other; `mark` it, because it was in the hands of processes that died, itself the cause or not; handle
 * it `alone`, because it is marked; or give it up, because it went on killing its process when it was alone: `dead`.
 *
 * The broker's count alone cannot tell a culprit from its neighbours: whatever was prefetched by a process that died is
 * counted as well. A marked copy is a new message, whose count begins at 0, and no other is in a handler or prefetched
 * behind it while it runs: its neighbours' counts rise no more.
 *
 * n.b. A lost connection is counted like a death, for each message that was prefetched, or on its way, and whatever cut ours mostly
 * cut those of the other processes too. So what a process lived through is no evidence of a death: a message that was held each
 * time its connection was cut is innocent. What really kills it kills it once more because of that, and then a process without
 * such memories looks at the count.
 * @param sessionsLost how many sessions this process consumed on and lost
 */
export function triage(headers: Headers, sessionsLost: number): 'handle' | 'mark' | 'alone' | 'dead' {
  const count = deliveryCount(headers) - sessionsLost
  if (isSuspect(headers)) return count >= crashesOfSuspect + 1 ? 'dead' : 'alone'
  return count >= suspectAfter ? 'mark' : 'handle'
}
