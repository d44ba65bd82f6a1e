import { setTimeout as wait } from 'node:timers/promises'
import { defineConsumer, each } from '#runtime'

/** Waits a second for each message, for a hundred at once: the work of KEDA's own sample. */
export default defineConsumer({
  queue: 'wait',
  concurrency: 100,
  scale: { min: 0, max: 30, messagesPerReplica: 300 },
  handle: each((_delivery, ctx) => wait(1000, undefined, { signal: ctx.signal })),
})
