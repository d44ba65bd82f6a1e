import { appendLines, defineConsumer, text } from '#runtime'

export default defineConsumer({
  queue: 'logs',
  decode: text,
  batch: { size: 500, maxWaitMs: 20 },
  scale: { min: 0, max: 10, messagesPerReplica: 1_000 },
  retry: { attempts: 5, firstDelayMs: 1_000, maxDelayMs: 60_000 },
  env: { OUTPUT_PATH: { default: 'output.txt' } },
  setup: (ctx) => appendLines(ctx.env.OUTPUT_PATH),
  handle: (batch, _ctx, output) => output.append(batch.map((delivery) => delivery.body)),
})
