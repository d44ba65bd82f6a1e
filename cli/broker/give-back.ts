import type { ConsumeMessage } from 'amqplib'
import type { GuardedChannel } from './guarded-channel.ts'

/** A queue of 3.10 gets back in order no more than this at once, and no version what several consumers had. */
const returnedInOrder = 32
/** Given back before the queue is asked whether it has them. */
const stepsAtOnce = 8
/** How long the queue has to show them. */
const shownMs = 2000

/** All that amqplib reads of a message it settles. */
export const byTag = (deliveryTag: number): ConsumeMessage => ({ fields: { deliveryTag } }) as ConsumeMessage

/**
 * Gives messages back to their queue, in their order: all that is open on the channel, by tag, of consumers that are cancelled.
 * n.b. A channel with more than 32 commands for a queue unanswered gathers further ones by consumer and sends them on in another order:
 * so a few at a time, and on only when the queue shows them; the first ones alone, behind the acks before them.
 */
export async function giveBack(
  { channel, guard }: Pick<GuardedChannel, 'channel' | 'guard'>,
  queue: string,
  open: ReadonlyMap<number, { readonly round: number }>,
): Promise<void> {
  const steps = stepsOf(open)
  if (steps.length === 0) return
  const ready = async () => (await guard(channel.checkQueue(queue))).messageCount
  let expected = await ready()
  let isAwaited = true
  for (const [index, { last, size }] of steps.entries()) {
    channel.nack(byTag(last), true, true)
    expected += size
    if (!isAwaited || index % stepsAtOnce > 0) continue
    const deadline = performance.now() + shownMs
    // Another consumer takes what is given back: then there is no order to keep.
    while (isAwaited && (await ready()) < expected) isAwaited = performance.now() < deadline
  }
}

interface Step {
  readonly round: number
  /** The tag of the last of them. */
  last: number
  size: number
}

/** What may be given back at once. */
function stepsOf(open: ReadonlyMap<number, { readonly round: number }>): readonly Step[] {
  const steps: Step[] = []
  for (const [tag, { round }] of open) {
    const step = steps.at(-1)
    if (step && step.round === round && step.size < returnedInOrder) {
      step.last = tag
      step.size++
    } else steps.push({ round, last: tag, size: 1 })
  }
  return steps
}
