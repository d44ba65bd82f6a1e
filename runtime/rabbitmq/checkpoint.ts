import type { Channel, ConfirmChannel } from 'amqplib'
import { decodeCheckpoint, encodeCheckpoint } from '../core/checkpoint.ts'
import { describe } from '../core/errors.ts'
import type { CheckpointStore, Clock } from '../ports.ts'
import type { Life } from './connection.ts'
import type { Standing, StandingPlace } from './standing.ts'

export interface BrokerCheckpoint {
  readonly queue: string
  /** Sessions that hold the lock: only they may read, for what one reader holds another one does not see. */
  readonly locked: StandingPlace
  /** Those of them that were checked: nobody was at work since this process saved. Only they may save. */
  readonly admitted: StandingPlace
  readonly clock: Clock
}

/**
 * A reader that was killed between its get and its requeue may not have given the value back yet when the lock is free
 * again. So an empty queue is asked again, in ms after the first time; it costs a source's very first start alone.
 */
const emptyRetriesMs = [20, 50, 100, 200]

/**
 * Keeps a checkpoint in a queue that holds one message, on the publisher's own connection: saved and read with its lock or
 * not at all. What a lost session leaves undone is done again on the next one.
 */
export function brokerCheckpointStore({ queue, locked, admitted, clock }: BrokerCheckpoint): CheckpointStore {
  const channels = new WeakMap<Life, Promise<ConfirmChannel>>()
  /** One after the other: two reads would hide the value from each other, and the last save must be the last. */
  let reads: Promise<unknown> = Promise.resolve()
  let saves: Promise<unknown> = Promise.resolve()

  /** One channel for all of a session: the broker does in order what one channel asks. */
  const channelOf = ({ connection, life }: Standing): Promise<ConfirmChannel> => {
    const known = channels.get(life)
    if (known) return known
    const opening = life.guard(connection.createConfirmChannel()).then((channel) => {
      life.watch(channel)
      channel.on('return', () => life.end(`no queue takes the checkpoint: '${queue}' is gone`))
      return channel
    })
    opening.catch(() => {})
    channels.set(life, opening)
    return opening
  }

  /** Does `work` on a session, and again on the next one if it ended on the way. */
  const onSession = async <T>(place: StandingPlace, work: (channel: ConfirmChannel, life: Life) => Promise<T>) => {
    for (;;) {
      const standing = await place.get()
      const { life } = standing
      try {
        return await life.guard(channelOf(standing).then((channel) => work(channel, life)))
      } catch (error) {
        life.end(error)
        await life.ended
      }
    }
  }

  const read = async (channel: ConfirmChannel, life: Life): Promise<string | null> => {
    let stored = await take(channel, queue)
    for (const delayMs of emptyRetriesMs) {
      if (stored !== null) break
      await life.guard(new Promise<void>((resolve) => clock.after(delayMs, resolve)))
      stored = await take(channel, queue)
    }
    return stored
  }

  return {
    async load() {
      const reading = reads.then(() => onSession(locked, read))
      reads = reading.catch(() => {})
      const stored = await reading
      return stored === null ? null : decodeCheckpoint(stored, `the message in queue '${queue}'`)
    },
    save(checkpoint) {
      const content = Buffer.from(encodeCheckpoint(checkpoint))
      const saving = saves.then(() => onSession(admitted, (channel) => put(channel, queue, content)))
      saves = saving.catch(() => {})
      return saving
    },
  }
}

/** The value, which stays where it is. */
async function take(channel: Channel, queue: string): Promise<string | null> {
  const message = await channel.get(queue, { noAck: false })
  if (!message) return null
  channel.nack(message, false, true)
  return message.content.toString()
}

/** Resolves when the broker has it. n.b. A return comes before the confirm, and ends the session. */
function put(channel: ConfirmChannel, queue: string, content: Buffer): Promise<void> {
  const properties = { persistent: true, mandatory: true, contentType: 'text/plain' }
  return new Promise((resolve, reject) => {
    channel.publish('', queue, content, properties, (error: unknown) => {
      if (error) reject(error instanceof Error ? error : new Error(describe(error)))
      else resolve()
    })
  })
}
