import { DropError, defineConsumer, each, text } from '#runtime'

/** Handles the messages of its queue one by one, many at once: for what waits, such as requests. */
export default defineConsumer({
  queue: 'from-each',
  decode: text,
  concurrency: 10,
  timeoutMs: 30_000,
  scale: { min: 0, max: 10, messagesPerReplica: 100 },
  handle: each(async (delivery, ctx) => {
    // What no second attempt can mend is given up; any other throw has the message tried again, later.
    if (delivery.body.trim() === '') throw new DropError('the message is empty')
    // The work goes here, such as a request: give it ctx.signal, and delivery.id as its idempotency key.
    ctx.log.info('handled', { body: delivery.body })
  }),
})
