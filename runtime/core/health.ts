/**
 * What a function's process may say of itself, decided from what its sessions told last. Restarting a process is worth it only
 * if it has no session and gets none; what a restart cannot mend (a broker in alarm, another producer at work) is no reason.
 */
export interface SessionHealth {
  /** Whose session it is, such as `consumer`. */
  readonly role: string
  /**
   * `away`: there is no session, or none that works yet. `waiting`: it stands, and another producer has the lock. `standing`: its
   * consumer is registered, or it publishes.
   */
  readonly state: 'away' | 'waiting' | 'standing'
  /** Since when, on the clock that never goes back, in ms. */
  readonly sinceMs: number
  /** Why it is away, or what it waits for. */
  readonly cause: string
  /** The broker's words while it takes no messages of this connection; null while it does. */
  readonly blocked: string | null
}

export interface Vitals {
  readonly sessions: readonly SessionHealth[]
  /** Since when there is none, if there is none, in ms. */
  readonly noneSinceMs: number
  /** It was told to stop: what ends it now is its grace period. */
  readonly draining: boolean
}

export interface HealthAnswer {
  /** False: it has been without a session for longer than its budget, and should be started anew. */
  readonly live: boolean
  /** True: it does its work, or stands by to take it over. */
  readonly ready: boolean
  /** Why it is not ready, and what it waits for. Empty if there is nothing to say. */
  readonly reasons: readonly string[]
}

/** How long a session has been away, in ms; 0 if it is not. */
export const awayMs = ({ state, sinceMs }: SessionHealth, nowMs: number): number =>
  state === 'away' ? Math.max(0, nowMs - sinceMs) : 0

/**
 * | sessions | live | ready |
 * |---|---|---|
 * | each standing | yes | yes |
 * | one waiting for the lock | yes | yes: or a rolling update would wait for the very process it is to replace |
 * | one blocked by an alarm | yes | no |
 * | one away, within its budget | yes | no |
 * | one away for longer | no | no |
 * | none (setup runs, or between two turns), within the budget | yes | no |
 * | none for longer | no | no |
 * | draining | yes | no |
 */
export function healthOf({ sessions, noneSinceMs, draining }: Vitals, nowMs: number, budgetMs: number): HealthAnswer {
  const reasons: string[] = []
  let live = true
  let ready = !draining
  if (draining) reasons.push('draining')
  if (sessions.length === 0) {
    ready = false
    live = nowMs - noneSinceMs <= budgetMs
    reasons.push('no session yet')
  }
  for (const session of sessions) {
    const { role, state, cause, blocked } = session
    if (blocked !== null) reasons.push(`${role}: the broker blocks publishing: ${blocked}`)
    if (state === 'waiting') reasons.push(`${role}: ${cause}`)
    if (state === 'away') reasons.push(`${role}: no session for ${Math.round(awayMs(session, nowMs))} ms: ${cause}`)
    if (state === 'away' || blocked !== null) ready = false
    if (awayMs(session, nowMs) > budgetMs) live = false
  }
  return { live: live || draining, ready, reasons }
}
