import { defineConsumer, each } from '#runtime'

/** Computes for a second or so for each message. */
export default defineConsumer({
  queue: 'burn',
  concurrency: 1,
  scale: { min: 0, max: 3, messagesPerReplica: 1000 },
  handle: each(() => {
    for (const end = performance.now() + 2000; performance.now() < end; ) Math.sqrt(end)
  }),
})
