import type { ChannelModel } from 'amqplib'
import { reconnectDelayMs } from '../core/backoff.ts'
import { FnError } from '../core/errors.ts'
import type { Clock, Log, Random, SessionReports } from '../ports.ts'
import type { Life } from './connection.ts'
import { codeOf } from './failures.ts'

/** A lost lock that somebody else has for so long, in ms, is not merely our own dead connection's. */
const lostAfterMs = 5000
const resourceLocked = 405

export interface Locking {
  readonly queue: string
  /** This publisher had the lock on an earlier session. */
  readonly again: boolean
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly health: SessionReports
}

/**
 * Waits until the lock is held by this connection: an exclusive queue, which the broker deletes with the connection and not
 * before. So who publishes on a connection that took the lock publishes with it, or not at all.
 * n.b. A holder that went silent keeps it until the broker misses its heartbeats, 20 to 30 s with one every 10 s.
 * @throws FnError FN_TAKEN_OVER if it was held before and is not to be had again
 */
export async function takeLock(connection: ChannelModel, life: Life, locking: Locking): Promise<void> {
  const { queue, again, clock, random, log, health } = locking
  const begun = clock.monotonic()
  for (let refusals = 0; !(await isTaken(connection, life, queue)); refusals++) {
    health.waiting(`another producer has the lock '${queue}'`)
    if (refusals === 0) log.info('waiting for the lock: another producer works', { lock: queue })
    if (again && clock.monotonic() - begun > lostAfterMs) {
      throw new FnError('FN_TAKEN_OVER', `it has the lock '${queue}'`)
    }
    let cancelTimer = () => {}
    const pause = new Promise<void>((resolve) => {
      cancelTimer = clock.after(reconnectDelayMs(refusals, random), resolve)
    })
    await life.guard(pause).finally(() => cancelTimer())
  }
}

/** False if another connection has it. */
async function isTaken(connection: ChannelModel, life: Life, queue: string): Promise<boolean> {
  const channel = await life.guard(connection.createChannel())
  // A refusal closes this channel: that is the answer, and no reason to end the session.
  channel.on('error', () => {})
  try {
    await life.guard(channel.assertQueue(queue, { exclusive: true, durable: false }))
    await life.guard(channel.close())
    return true
  } catch (error) {
    if (codeOf(error) === resourceLocked) return false
    throw error
  }
}
