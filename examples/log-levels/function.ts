import { readFile, rename, writeFile } from 'node:fs/promises'
import { defineConsumer, text } from '#runtime'
import { LevelCounts } from './level-counts.ts'

/** Counts log levels a minute into a file. A queue of its own on the exchange of `logs`: it sees every line, as the others do. */
export default defineConsumer({
  queue: 'log-levels',
  exchange: 'logs',
  decode: text,
  batch: { size: 500, maxWaitMs: 200 },
  env: { LEVELS_PATH: { default: 'levels.json', description: 'the file that gets the counts' } },
  setup: async (ctx) => new LevelCounts(await readFile(ctx.env.LEVELS_PATH, 'utf8').catch(() => '{}')),
  handle: async (batch, ctx, counts) => {
    for (const delivery of batch) counts.add(delivery.id, delivery.body)
    // Whole or not at all: a reader never sees half a file.
    await writeFile(`${ctx.env.LEVELS_PATH}.new`, counts.toJson(), { flush: true })
    await rename(`${ctx.env.LEVELS_PATH}.new`, ctx.env.LEVELS_PATH)
  },
})
