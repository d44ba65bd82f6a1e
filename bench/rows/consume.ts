import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench } from '../harness/bench.ts'
import { Child, until } from '../harness/child.ts'
import { sizeOf } from '../harness/pipe.ts'
import type { Comparison, Sample } from '../harness/result.ts'
import type { Row, Side } from '../harness/row.ts'
import { queue, type Stage } from '../harness/stage.ts'

const consumeRow = (type: 'quorum' | 'classic', goal: number): Row => ({
  name: `consume-${type}`,
  section: 'Throughput',
  title: `Consuming from a ${type} queue`,
  quick: type === 'quorum',
  async prepare(bench) {
    const stage = await bench.stages().then((stages) => stages.make({ type, history: false }))
    const lines = bench.count(type === 'quorum' ? 80_000 : 40_000, 15_000)
    const { consume, skipped } = bench.native()
    const sides: Record<string, Side> = {
      amqplib: drained(bench, stage, lines, () => bench.rival('bare-drain', stage.url, queue, `${lines}`)),
      kedafn: async () => {
        await fill(bench, stage, lines)
        return written(bench, stage, lines)
      },
      ...(consume && { c: drained(bench, stage, lines, () => new Child(consume, [stage.url, queue, `${lines}`])) }),
    }
    return { sides, comparisons: comparisonsOf(type, goal), skipped }
  },
})

/** Fills the queue, with nobody consuming. */
export async function fill(bench: Bench, stage: Stage, lines: number): Promise<void> {
  const { publish } = bench.native()
  const args = [stage.url, queue, `${lines}`]
  const child = publish ? new Child(publish, args) : bench.rival('bare-publisher', ...args)
  await child.says(/^done/m)
  await child.exited
  child.check()
}

/** From its first delivery to its last ack. */
function drained(bench: Bench, stage: Stage, lines: number, start: () => Child): Side {
  return async () => {
    await fill(bench, stage, lines)
    const child = start()
    const done = child.says(/^done/m)
    const ms = -(await child.says(/^first/m)) + (await done)
    await child.exited
    child.check()
    return { rate: (lines / ms) * 1000 }
  }
}

/** log-consumer, from its first sync to its last. */
export async function written(
  bench: Bench,
  stage: Stage,
  lines: number,
  env: Record<string, string> = {},
): Promise<Sample> {
  const output = join(bench.folder, 'consumed.txt')
  writeFileSync(output, '')
  const total = lines * 100
  const child = await bench.function('log-consumer', { ...stage.env, OUTPUT_PATH: output, ...env })
  try {
    await until('the first line', [child], () => sizeOf(output) > 0)
    const [begun, already] = [performance.now(), sizeOf(output)]
    await until('the last line', [child], () => sizeOf(output) >= total)
    const rate = (lines * (1 - already / total)) / ((performance.now() - begun) / 1000)
    await child.stop()
    // n.b. acks that leave right before a close may be forgotten by 3.10: what comes again is not the next round's.
    await stage.purge()
    return { rate }
  } finally {
    await child.stop('SIGKILL')
  }
}

const comparisonsOf = (type: string, goal: number): readonly Comparison[] => {
  const rate = { metric: 'rate', unit: 'messages/s', of: 'kedafn', better: 'higher' } as const
  const what = `consume, write, fdatasync, ack, ${type}: kedafn`
  return [
    { id: 'amqplib', what: `${what} / bare amqplib without a sink, one ack per 100`, to: 'amqplib', goal, ...rate },
    { id: 'c', what: `${what} / C client without a sink`, to: 'c', goal: null, ...rate },
  ]
}

export const consumeQuorum = consumeRow('quorum', 0.8)
export const consumeClassic = consumeRow('classic', 0.9)
