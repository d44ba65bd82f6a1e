import { defineConsumer, drop, text } from '#runtime'

/** Handles the messages of its queue, a batch at a time. */
export default defineConsumer({
  queue: 'from-queue',
  decode: text,
  batch: { size: 100, maxWaitMs: 20 },
  scale: { min: 0, max: 10, messagesPerReplica: 100 },
  handle: (batch, ctx) => {
    const empty = batch.filter(({ body }) => body.trim() === '')
    const good = batch.filter((delivery) => !empty.includes(delivery))
    // The work goes here: one write or one request for the whole batch. A throw has all of it tried again.
    ctx.log.info('handled', { bodies: good.map(({ body }) => body) })
    // What is named here is not done; everything else is.
    return empty.map((delivery) => drop(delivery, 'the message is empty'))
  },
})
