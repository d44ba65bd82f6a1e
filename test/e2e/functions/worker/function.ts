import { setTimeout as wait } from 'node:timers/promises'
import { appendLines, defineConsumer, each, type LineSink, text } from '#runtime'

/** Waits for each message, then writes it: what is written twice was done twice. Some bodies are trouble. */
export default defineConsumer({
  queue: 'work',
  decode: text,
  concurrency: 5,
  scale: { min: 0, max: 10, messagesPerReplica: 10 },
  env: {
    OUTPUT_PATH: { default: 'output.txt' },
    WORK_MS: { default: '1000', description: 'how long one message takes' },
  },
  setup: (ctx) => appendLines(ctx.env.OUTPUT_PATH),
  handle: each(async (delivery, ctx, output: LineSink) => {
    // n.b. as PID 1 of its container a process cannot kill itself by a signal.
    if (delivery.body === 'exit') process.exit(137)
    if (delivery.body === 'eat') for (const eaten: Buffer[] = []; ; ) eaten.push(Buffer.alloc(16 * 1024 * 1024, 1))
    await wait(Number(ctx.env.WORK_MS), undefined, { signal: ctx.signal })
    await output.append([delivery.body])
  }),
})
