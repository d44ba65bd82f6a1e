import { appendLines, defineConsumer, drop, retry, text } from '#runtime'
import type { Wrap } from '../../runtime/ports.ts'

/** So many lines come when the second attempt is made; then the process is told to stop. */
export const lateLines = 6

/**
 * Writes lines with their attempt. One that begins with `again` fails once, one that begins with `drop` for good. With STOP, a
 * second attempt lasts until the process drains: what came late is then prefetched and not begun.
 */
export function specOf(wrap: Wrap) {
  const stops = process.env.STOP === 'true'
  /** Deliveries that may still come while a second attempt is held; null while none is. */
  let toCome: number | null = null
  return defineConsumer({
    queue: 'consumed',
    decode: (bytes) => {
      // n.b. After a reset others than the late ones come, and may fill the prefetch: whatever comes is counted.
      if (toCome !== null && --toCome === 0) process.kill(process.pid, 'SIGTERM')
      return text.decode(bytes)
    },
    batch: { size: 4 },
    retry: { attempts: 3, firstDelayMs: 10, maxDelayMs: 10 },
    env: { OUTPUT_PATH: {} },
    setup: async (ctx) => wrap('output', await appendLines(ctx.env.OUTPUT_PATH)),
    handle: async (batch, ctx, output) => {
      const dropped = batch.filter(({ body }) => body.startsWith('drop'))
      const failed = batch.filter(({ body, attempt }) => body.startsWith('again') && attempt === 1)
      const done = batch.filter((delivery) => !dropped.includes(delivery) && !failed.includes(delivery))
      await output.append(done.map(({ body, attempt }) => `${body} ${attempt}`))
      if (stops && done.some(({ body }) => body.startsWith('again'))) {
        const told = new Promise((resolve) => process.once('SIGTERM', resolve))
        toCome ??= lateLines
        ctx.log.info('second attempt')
        await told
      }
      return [
        ...failed.map((delivery) => retry(delivery, 'it fails once')),
        ...dropped.map((delivery) => drop(delivery, 'it is dropped')),
      ]
    },
  })
}
