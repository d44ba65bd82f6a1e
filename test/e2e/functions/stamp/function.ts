import { appendLines, defineConsumer, text } from '#runtime'

/** Writes when its process began and when it had a message. */
export default defineConsumer({
  queue: 'stamp',
  decode: text,
  env: { OUTPUT_PATH: { default: 'output.txt' } },
  setup: (ctx) => appendLines(ctx.env.OUTPUT_PATH),
  handle: (batch, _ctx, output) =>
    output.append(
      batch.map(({ body }) => JSON.stringify({ body, began: performance.timeOrigin, handled: Date.now() })),
    ),
})
