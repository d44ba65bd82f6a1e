import { deadQueueOf } from '../../../runtime/core/topology.ts'
import { type OpenBroker, withBroker } from '../../broker/connection.ts'
import { GuardedChannel } from '../../broker/guarded-channel.ts'
import { oneAtATime, type Place, warnOf } from '../../broker/one-at-a-time.ts'
import { type Delivered, QueueReader } from '../../broker/queue-reader.ts'
import type { Io } from '../../command.ts'
import { aborted } from '../../until.ts'
import { type Letter, letterOf } from './letter.ts'

export const queuePositional = {
  name: 'QUEUE',
  description: "the function's queue, whose dead letters are in QUEUE.dead; that name does as well",
} as const

/** `logs` for `logs` and for `logs.dead`. */
export const functionQueueOf = (typed: string): string =>
  typed.endsWith(deadQueueOf('')) && typed.length > deadQueueOf('').length
    ? typed.slice(0, -deadQueueOf('').length)
    : typed

/** The dead letters of a queue, in the hands of one command. */
export interface DeadLetters {
  readonly broker: OpenBroker
  readonly on: GuardedChannel
  readonly reader: QueueReader
  /** The function's queue, and that of its dead letters. */
  readonly queue: string
  readonly deadQueue: string
  readonly place: Place
}

/**
 * Connects, waits until no other command reads these dead letters, and does `work`.
 * @returns {@link aborted} if Ctrl-C came before that
 */
export const withDeadLetters = <T>(
  io: Io,
  command: string,
  typed: string,
  work: (letters: DeadLetters) => Promise<T>,
): Promise<T | typeof aborted> =>
  withBroker(io, `kedafn ${command}`, async (broker) => {
    const queue = functionQueueOf(typed)
    const deadQueue = deadQueueOf(queue)
    const place = await oneAtATime(broker, deadQueue, io)
    if (place === aborted) return aborted
    const on = await GuardedChannel.open(broker)
    return work({ broker, on, reader: new QueueReader(on, deadQueue), queue, deadQueue, place })
  })

/**
 * Looks at the dead letters from the oldest on, and leaves each where it is. Stops at the bound, at Ctrl-C, or when `look` returns false.
 * @returns false if it was Ctrl-C
 */
export async function lookThrough(
  { reader, queue, deadQueue, place }: DeadLetters,
  io: Io,
  bound: number,
  look: (letter: Letter, delivered: Delivered) => boolean,
): Promise<boolean> {
  await warnOf({ ...place, isAlone: true }, deadQueue, io)
  const stop = () => reader.stop()
  io.signal.addEventListener('abort', stop)
  if (io.signal.aborted) stop()
  const most = Math.min(bound, place.length)
  await reader.read({
    bound: most,
    prefetch: () => most,
    see: (delivered) => {
      const isEnough = !look(letterOf(delivered, queue), delivered)
      delivered.keep()
      if (isEnough) stop()
    },
  })
  await reader.finish()
  io.signal.removeEventListener('abort', stop)
  return !io.signal.aborted
}
