import { appendLines, defineConsumer, drop, retry, text } from '#runtime'
import type { Wrap } from '../../runtime/ports.ts'

/** So many lines come when the last attempt is made; then the process is told to stop. */
export const lateLines = 6

export const lastAttempt = 4
export const droppedAttempt = 3

export type ConsumerOrder = 'none' | 'queue'

export const queueOf = (order: ConsumerOrder) => (order === 'queue' ? 'ordered' : 'consumed')

/**
 * Writes lines with their attempt. One that begins with `again` fails until its last attempt, one that begins with `drop` too,
 * and then for good: so something is moved when nothing stands yet, and when all does. With STOP, a last attempt lasts until
 * the process drains: what came late is then prefetched and not begun. An ordered queue waits behind a line that fails, so there
 * the drain begins with the last attempt itself.
 */
export function specOf(wrap: Wrap, order: ConsumerOrder) {
  const stops = process.env.STOP === 'true'
  /** Deliveries that may still come while a last attempt is held; null while none is. */
  let toCome: number | null = null
  return defineConsumer({
    queue: queueOf(order),
    ...(order === 'queue' && { order }),
    decode: (bytes) => {
      // n.b. After a reset others than the late ones come, and may fill the prefetch: whatever comes is counted.
      if (toCome !== null && --toCome === 0) process.kill(process.pid, 'SIGTERM')
      return text.decode(bytes)
    },
    // A handler that fails one line of a batch has done those behind it: in order, then, is one at a time.
    batch: { size: order === 'queue' ? 1 : 4 },
    retry: { attempts: lastAttempt, firstDelayMs: 10, maxDelayMs: 10 },
    env: { OUTPUT_PATH: {} },
    setup: async (ctx) => wrap('output', await appendLines(ctx.env.OUTPUT_PATH)),
    handle: async (batch, ctx, output) => {
      const dropped = batch.filter(({ body, attempt }) => body.startsWith('drop') && attempt === droppedAttempt)
      const fails = (body: string, attempt: number) =>
        body.startsWith('again') ? attempt < lastAttempt : body.startsWith('drop') && attempt < droppedAttempt
      const failed = batch.filter(({ body, attempt }) => fails(body, attempt))
      const done = batch.filter((delivery) => !dropped.includes(delivery) && !failed.includes(delivery))
      await output.append(done.map(({ body, attempt }) => `${body} ${attempt}`))
      if (stops && done.some(({ body }) => body.startsWith('again'))) {
        const told = new Promise((resolve) => process.once('SIGTERM', resolve))
        toCome ??= lateLines
        ctx.log.info('last attempt')
        if (order === 'queue') process.kill(process.pid, 'SIGTERM')
        await told
      }
      return [
        ...failed.map((delivery) => retry(delivery, 'it fails again')),
        ...dropped.map((delivery) => drop(delivery, 'it is dropped')),
      ]
    },
  })
}
