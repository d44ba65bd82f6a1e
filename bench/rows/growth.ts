import { fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Bench, root } from '../harness/bench.ts'
import { repositoryWith } from '../harness/functions.ts'
import { flow, shipped } from '../harness/pipe.ts'
import type { Growth, Sample } from '../harness/result.ts'
import type { Prepared, Row, Side } from '../harness/row.ts'
import { fill, written } from './consume.ts'
import { published } from './publish.ts'

const rounds = { full: 3, quick: 1 }

const prepared = (sides: Record<string, Side>, x: string, metrics: Growth['metrics']): Prepared => ({
  sides,
  comparisons: [],
  growth: [{ x, points: Object.keys(sides).map((side) => ({ side, x: Number(side) })), metrics }],
  warmUp: false,
})

/** Building 1, 10 and 100 functions. */
export const growthFunctions: Row = {
  name: 'growth-functions',
  section: 'Growth',
  title: 'Building 1, 10 and 100 functions',
  rounds,
  async prepare(bench) {
    const source = readFileSync(join(root, 'functions', 'log-consumer', 'function.ts'), 'utf8')
    const counts = bench.quick ? [1, 10] : [1, 10, 100]
    const side = (count: number): Side => {
      const names = Array.from({ length: count }, (_, index) => `copy-${index}`)
      const folder = join(bench.folder, `functions-${count}`)
      repositoryWith(folder, Object.fromEntries(names.map((name) => [name, source])))
      return () => built(folder, names)
    }
    const sides = Object.fromEntries(counts.map((count) => [`${count}`, side(count)]))
    return prepared(sides, 'functions', [
      { metric: 'ms', unit: 'ms to bundle all' },
      { metric: 'peakMb', unit: 'MB at most, of Node' },
    ])
  },
}

/** In a process of its own, whose start does not count. */
async function built(folder: string, names: readonly string[]): Promise<Sample> {
  const child = fork(join(root, 'bench', 'rivals', 'builder.ts'), [folder, ...names])
  const [sample] = (await once(child, 'message')) as [Sample]
  await once(child, 'exit')
  return sample
}

const ofLines = (
  name: string,
  title: string,
  x: string,
  of: (bench: Bench) => Promise<Record<string, Side>>,
  metrics: Growth['metrics'],
): Row => ({
  name,
  section: 'Growth',
  title,
  rounds,
  prepare: async (bench) => prepared(await of(bench), x, metrics),
})

const sizes = [10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000] as const

export const growthSize = ofLines(
  'growth-size',
  'Lines of 10 bytes to 10 MB, file to file',
  'bytes a line',
  async (bench) => {
    const stage = await bench.stages().then((stages) => stages.make({ type: 'quorum', history: false }))
    const side =
      (bytes: number): Side =>
      async () => {
        const lines = Math.max(8, Math.min(bench.count(40_000, 4000), Math.floor((bench.count(40, 10) * 1e6) / bytes)))
        return flow(bench, stage, shipped(bench, stage), await bench.input(lines, bytes), lines)
      }
    return Object.fromEntries(sizes.map((bytes) => [`${bytes}`, side(bytes)]))
  },
  [
    { metric: 'rate', unit: 'lines/s' },
    { metric: 'mbPerS', unit: 'MB/s' },
    { metric: 'peakMb', unit: 'MB of memory at most' },
  ],
)

export const growthWindow = ofLines(
  'growth-window',
  'The window of the producer',
  'KEDAFN_WINDOW',
  async (bench) => {
    const stage = await bench.stages().then((stages) => stages.make({ type: 'quorum', history: false }))
    const side = (window: number): Side => {
      const lines = Math.min(bench.count(40_000, 4000), window * bench.count(2000, 300))
      return published(bench, stage, lines, { KEDAFN_WINDOW: `${window}` })
    }
    return Object.fromEntries([1, 10, 100, 1000, 10_000].map((window) => [`${window}`, side(window)]))
  },
  [
    { metric: 'rate', unit: 'messages/s' },
    { metric: 'cpuUs', unit: 'us of CPU a message' },
  ],
)

export const growthPrefetch = ofLines(
  'growth-prefetch',
  'The batch of the consumer, whose prefetch is twice that',
  'KEDAFN_BATCH_SIZE',
  async (bench) => {
    const stage = await bench.stages().then((stages) => stages.make({ type: 'quorum', history: false }))
    const side =
      (batch: number): Side =>
      async () => {
        const lines = Math.min(bench.count(30_000, 6000), batch * bench.count(3000, 500))
        await fill(bench, stage, lines)
        return written(bench, stage, lines, { KEDAFN_BATCH_SIZE: `${batch}`, KEDAFN_BATCH_MAX_WAIT_MS: '0' })
      }
    return Object.fromEntries([1, 5, 50, 500, 5000].map((batch) => [`${batch}`, side(batch)]))
  },
  [{ metric: 'rate', unit: 'messages/s, written and synced' }],
)
