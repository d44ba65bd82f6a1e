import { join } from 'node:path'
import { bundled } from '../harness/functions.ts'
import type { Row, Side } from '../harness/row.ts'
import { fill } from './consume.ts'

/** Waits 5 ms for each delivery, as for a service that answers, and says when the first and the last of COUNT were begun and done. */
const sleeper = `
import { setTimeout as wait } from 'node:timers/promises'
import { defineConsumer, each } from '#runtime'

let [begun, done] = [0, 0]

export default defineConsumer({
  queue: 'logs',
  env: { COUNT: {} },
  handle: each(async (_delivery, ctx) => {
    if (begun++ === 0) process.stdout.write('first\\n')
    await wait(5)
    if (++done === Number(ctx.env.COUNT)) process.stdout.write('last\\n')
  }),
})
`

/** One process with a handler that waits. */
export const concurrency: Row = {
  name: 'concurrency',
  section: 'Throughput',
  title: 'Handlers that wait',
  quick: true,
  async prepare(bench) {
    const stage = await bench.stages().then((stages) => stages.make({ type: 'quorum', history: false }))
    const dist = await bundled(join(bench.folder, 'sleeper'), { sleeper })
    const side =
      (handlers: number, count: number): Side =>
      async () => {
        await fill(bench, stage, count)
        const env = { ...stage.env, COUNT: `${count}`, KEDAFN_CONCURRENCY: `${handlers}` }
        const child = await bench.function('sleeper', env, dist)
        try {
          const last = child.says(/^last/m)
          const ms = -(await child.says(/^first/m)) + (await last)
          await child.stop()
          return { rate: (count / ms) * 1000 }
        } finally {
          await child.stop('SIGKILL')
        }
      }
    const [few, many] = [bench.count(250, 100), bench.count(20_000, 6000)]
    const shared = { metric: 'rate', unit: 'messages/s', better: 'higher', of: 'hundred', to: 'one' } as const
    return {
      sides: { one: side(1, few), hundred: side(100, many) },
      comparisons: [
        { id: 'hundred', what: 'a handler that waits 5 ms, one process: concurrency 100 / 1', goal: 70, ...shared },
      ],
    }
  },
}
