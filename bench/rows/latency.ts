import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bench } from '../harness/bench.ts'
import { bare, consuming, flow, type Pipe, shipped, sizeOf } from '../harness/pipe.ts'
import type { Comparison, Sample } from '../harness/result.ts'
import type { Row, Side } from '../harness/row.ts'
import { queue, type Stage } from '../harness/stage.ts'
import { percentile } from '../harness/statistics.ts'

const line = `${'.'.repeat(99)}\n`
/** As long as they are sent, the first second does not count. */
const settleMs = 600
const patienceMs = 10_000
const loads = { '10 %': 0.1, '70 %': 0.7 } as const

/** From a line's append to its place in the output, at a part of the most that bare amqplib takes from file to file. */
export const latency: Row = {
  name: 'latency',
  section: 'Latency',
  title: 'From the append of a line to its sync in the output',
  async prepare(bench) {
    const stage = await bench.stages().then((stages) => stages.make({ type: 'quorum', history: false }))
    const lines = bench.count(60_000, 10_000)
    const input = await bench.input(lines)
    await flow(bench, stage, bare(bench, stage), input, lines)
    const { rate: most = 0 } = await flow(bench, stage, bare(bench, stage), input, lines)
    const sides: Record<string, Side> = {}
    for (const [load, share] of Object.entries(loads)) {
      const measured =
        (pipe: Pipe): Side =>
        () =>
          trickle(bench, stage, pipe, most * share)
      sides[`amqplib ${load}`] = measured(followed(bench, stage))
      sides[`kedafn ${load}`] = measured(tailed(bench, stage, { KEDAFN_BATCH_MAX_WAIT_MS: '0' }))
      if (load === '10 %') sides[`as shipped ${load}`] = measured(tailed(bench, stage, {}))
    }
    const notes = [
      `maximum load is that of bare amqplib: ${Math.round(most).toLocaleString('en')} lines/s. kedafn: KEDAFN_BATCH_MAX_WAIT_MS=0, the runtime's default; as shipped: log-consumer waits up to 20 ms for a batch to fill`,
    ]
    return { sides, comparisons: Object.keys(loads).flatMap(comparisonsOf), notes, warmUp: false }
  },
}

function comparisonsOf(load: string): readonly Comparison[] {
  const shared = { unit: 'ms', to: `amqplib ${load}`, better: 'lower' } as const
  return [
    {
      id: `p99 ${load}`,
      what: `p99 latency at ${load} load: kedafn / bare amqplib`,
      metric: 'p99',
      of: `kedafn ${load}`,
      goal: 1.2,
      ...shared,
    },
    {
      id: `p50 ${load}`,
      what: `p50 latency at ${load} load: kedafn / bare amqplib`,
      metric: 'p50',
      of: `kedafn ${load}`,
      goal: null,
      ...shared,
    },
    {
      id: `shipped ${load}`,
      what: `p99 latency at ${load} load: log-consumer as shipped / bare amqplib`,
      metric: 'p99',
      of: `as shipped ${load}`,
      goal: null,
      ...shared,
    },
  ]
}

const followed = (bench: Bench, stage: Stage): Pipe => ({
  ...bare(bench, stage),
  producer: (input, run) => bench.rival('bare-producer', stage.url, queue, input, join(run, 'checkpoint'), 'follow'),
})

const tailed = (bench: Bench, stage: Stage, env: Record<string, string>): Pipe =>
  shipped(bench, stage, { ...env, KEDAFN_ONCE: 'false' })

/** Appends so many lines a second, a few each millisecond, and watches the output grow. */
async function trickle(bench: Bench, stage: Stage, pipe: Pipe, rate: number): Promise<Sample> {
  const run = mkdtempSync(join(bench.folder, 'trickle-'))
  const [input, output] = [join(run, 'input.txt'), join(run, 'output.txt')]
  for (const path of [input, output]) writeFileSync(path, '')
  const consumer = await pipe.consumer(output)
  try {
    await consumer.says(consuming)
    const producer = await pipe.producer(input, run)
    try {
      await producer.says(/ready|"publishing"/)
      const latencies = await watched({ input, output, rate, ms: settleMs + bench.count(1600, 700) }, () => {
        for (const child of [consumer, producer]) child.check()
      })
      return { p99: percentile(latencies, 0.99), p50: percentile(latencies, 0.5) }
    } finally {
      await producer.stop('SIGKILL')
    }
  } finally {
    await consumer.stop('SIGKILL')
    rmSync(run, { recursive: true })
    // What was not acked when it was killed is not the next one's.
    await stage.purge()
  }
}

interface Trickle {
  readonly input: string
  readonly output: string
  readonly rate: number
  readonly ms: number
}

async function watched({ input, output, rate, ms }: Trickle, check: () => void): Promise<number[]> {
  const begun = performance.now()
  const waiting: { readonly end: number; readonly at: number }[] = []
  const latencies: number[] = []
  let appended = 0
  const look = () => {
    const size = sizeOf(output)
    const now = performance.now()
    while (waiting[0] && waiting[0].end <= size) {
      const { at } = waiting.shift() as { at: number }
      if (at - begun > settleMs) latencies.push(now - at)
    }
  }
  for (;;) {
    check()
    const now = performance.now()
    look()
    if (now - begun > ms && waiting.length === 0) return latencies
    if (now - begun > ms + patienceMs) throw new Error(`${waiting.length} appends did not come through`)
    const due = now - begun > ms ? 0 : Math.floor(((now - begun) / 1000) * rate) - appended
    if (due > 0) {
      appendFileSync(input, line.repeat(due))
      appended += due
      waiting.push({ end: appended * line.length, at: now })
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}
