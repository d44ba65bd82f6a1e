import { join } from 'node:path'
import type { Bench } from '../harness/bench.ts'
import { Child } from '../harness/child.ts'
import type { Comparison } from '../harness/result.ts'
import type { Row, Side } from '../harness/row.ts'
import { queue, type Stage } from '../harness/stage.ts'

/** Each has a checkpoint and a lock of its own. */
let runs = 0

/** log-producer with a file against clients that publish from memory: all that the runtime does besides is counted against it. */
const publishRow = (type: 'quorum' | 'classic', goals: { readonly bare: number; readonly c: number | null }): Row => ({
  name: `publish-${type}`,
  section: 'Throughput',
  title: `Publishing to a ${type} queue`,
  quick: type === 'quorum',
  async prepare(bench) {
    const stage = await bench.stages().then((stages) => stages.make({ type, history: false }))
    const lines = bench.count(type === 'quorum' ? 60_000 : 30_000, 15_000)
    const { publish, skipped } = bench.native()
    const sides: Record<string, Side> = {
      amqplib: timed(stage, lines, () => bench.rival('bare-publisher', stage.url, queue, `${lines}`)),
      kedafn: timed(stage, lines, await producer(bench, stage, lines)),
      ...(publish && { c: timed(stage, lines, () => new Child(publish, [stage.url, queue, `${lines}`])) }),
    }
    return { sides, comparisons: comparisonsOf(type, goals), skipped }
  },
})

/** log-producer with a file of so many lines, with these variables. */
export function published(bench: Bench, stage: Stage, lines: number, env: Record<string, string>): Side {
  return async () => timed(stage, lines, await producer(bench, stage, lines, env))()
}

async function producer(bench: Bench, stage: Stage, lines: number, env: Record<string, string> = {}) {
  const input = await bench.input(lines)
  return () => {
    const run = ++runs
    return bench.function('log-producer', {
      ...stage.env,
      INPUT_PATH: input,
      KEDAFN_ONCE: 'true',
      KEDAFN_CHECKPOINT_PATH: join(bench.folder, `publish-${run}.checkpoint`),
      KEDAFN_SOURCE: `publish-${run}`,
      ...env,
    })
  }
}

/** From the moment it may publish to the last confirm. */
function timed(stage: Stage, lines: number, start: () => Child | Promise<Child>): Side {
  return async () => {
    const child = await start()
    const done = child.says(/^done|"ended"/m)
    const begun = await child.says(/^ready|"publishing"/m)
    const before = child.cpuMs()
    const watching = setInterval(() => child.cpuMs(), 5)
    const ms = (await done) - begun
    clearInterval(watching)
    await child.exited
    child.check()
    if ((await stage.depth()) < lines) throw new Error('the queue has not got all of it')
    await stage.purge()
    return { rate: (lines / ms) * 1000, cpuUs: ((child.cpuMs() - before) * 1000) / lines }
  }
}

const comparisonsOf = (type: string, goals: { bare: number; c: number | null }): readonly Comparison[] => {
  const rate = { metric: 'rate', unit: 'messages/s', of: 'kedafn', better: 'higher' } as const
  return [
    {
      id: 'amqplib',
      what: `publish, window 1000, ${type}: kedafn / bare amqplib`,
      to: 'amqplib',
      goal: goals.bare,
      ...rate,
    },
    { id: 'c', what: `publish, window 1000, ${type}: kedafn / C client`, to: 'c', goal: goals.c, ...rate },
    {
      id: 'cpu',
      what: `CPU of publishing a message, ${type}: kedafn / bare amqplib`,
      metric: 'cpuUs',
      unit: 'us',
      of: 'kedafn',
      to: 'amqplib',
      better: 'lower',
      goal: null,
    },
  ]
}

export const publishQuorum = publishRow('quorum', { bare: 1.03, c: 0.95 })
export const publishClassic = publishRow('classic', { bare: 1.03, c: null })
