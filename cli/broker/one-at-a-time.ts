import { setTimeout as pause } from 'node:timers/promises'
import { reconnectDelayMs } from '../../runtime/core/backoff.ts'
import { codeOf } from '../../runtime/rabbitmq/failures.ts'
import type { Io } from '../command.ts'
import { safeText } from '../output/safe.ts'
import { aborted, unlessAborted } from '../until.ts'
import type { OpenBroker } from './connection.ts'

const [resourceLocked, accessRefused] = [405, 403]
/** How long to wait for what another consumer holds. */
const othersMs = 10_000

/** What {@link oneAtATime} has found. */
export interface Place {
  /** Ready messages of the queue. */
  readonly length: number
  /** Consumers that read it as well: each sees a part only. */
  readonly others: number
  /** No other command reads it as long as the connection lives. False where the user may not declare the lock. */
  readonly isAlone: boolean
}

/** The name of the lock of a queue: declared exclusive, and gone with its connection. */
const readersLockOf = (queue: string): string => `${queue}.lock`

/**
 * Waits until no other command reads the queue, and sees to it that none does until the connection is closed. So what a dead one held is
 * back in its place before the next one begins, which is what keeps the order.
 * n.b. A queue counts a consumer as long as it holds messages of it: only when there is none everything is back.
 * @returns {@link aborted} if the signal fired first
 */
export async function oneAtATime(broker: OpenBroker, queue: string, io: Io): Promise<Place | typeof aborted> {
  const isAlone = await lock(broker, readersLockOf(queue), io)
  if (isAlone === aborted) return aborted
  const channel = await broker.connection.createChannel()
  channel.on('error', () => {})
  const deadline = performance.now() + othersMs
  for (;;) {
    const { messageCount, consumerCount } = await channel.checkQueue(queue)
    if (io.signal.aborted) return aborted
    if (consumerCount === 0 || performance.now() > deadline) {
      await channel.close()
      return { length: messageCount, others: consumerCount, isAlone }
    }
    await pause(50)
  }
}

/** False if the user has no permission to take it. */
async function lock({ connection }: OpenBroker, name: string, io: Io): Promise<boolean | typeof aborted> {
  for (let refusals = 0; ; refusals++) {
    const channel = await connection.createChannel()
    // A refusal closes this channel: that is the answer.
    channel.on('error', () => {})
    try {
      await channel.assertQueue(name, { exclusive: true, durable: false })
      await channel.close()
      return true
    } catch (error) {
      if (codeOf(error) === accessRefused) return false
      if (codeOf(error) !== resourceLocked) throw error
    }
    if (refusals === 3)
      await io.stderr.write(`another kedafn dlq command has '${safeText(name)}'; waiting for it to end\n`)
    const waited = await unlessAborted(io.signal, pause(reconnectDelayMs(refusals, Math.random)))
    if (waited === aborted) return aborted
  }
}

/** What a person should know of a queue that is not read alone. */
export async function warnOf({ others, isAlone }: Place, queue: string, io: Io): Promise<void> {
  if (others > 0) {
    const who = others === 1 ? 'one consumer reads' : `${others} consumers read`
    await io.stderr.write(`${who} '${safeText(queue)}' as well: what it holds is not seen here\n`)
  }
  if (!isAlone) {
    await io.stderr.write(
      `without the permission to configure '${safeText(readersLockOf(queue))}' a second command may work on the queue at the same time: nothing is lost by that, but the order\n`,
    )
  }
}
