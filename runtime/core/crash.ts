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
 */
export function triage(headers: Headers): 'handle' | 'mark' | 'alone' | 'dead' {
  const count = deliveryCount(headers)
  if (isSuspect(headers)) return count >= crashesOfSuspect + 1 ? 'dead' : 'alone'
  return count >= suspectAfter ? 'mark' : 'handle'
}
