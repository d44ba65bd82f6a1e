import { Child } from '../harness/child.ts'
import { bare, flow, type Pipe, packing, shipped } from '../harness/pipe.ts'
import type { Comparison } from '../harness/result.ts'
import type { Row, Side } from '../harness/row.ts'
import { queue } from '../harness/stage.ts'

interface Goals {
  readonly c: number
  readonly naive: number
  readonly packed: number
}

/** File to file, two processes: the functions as they are shipped, between what everybody writes first and what C can do. */
const pipelineRow = (type: 'quorum' | 'classic', goals: Goals): Row => ({
  name: `pipeline-${type}`,
  section: 'Throughput',
  title: `File to file over a ${type} queue`,
  quick: type === 'quorum',
  async prepare(bench) {
    const stage = await bench.stages().then((stages) => stages.make({ type, history: false }))
    const { publish, consume, skipped } = bench.native()
    const few = bench.count(1000, 300)
    const lines = bench.count(type === 'quorum' ? 60_000 : 40_000, 15_000)
    // n.b. the first 200,000 lines after a start may be repeats, and are looked up: the rate is that of the rest, too.
    const many = bench.count(2_000_000, 400_000)
    const side = (pipe: Pipe, count: number): Side => {
      return async () => flow(bench, stage, pipe, await bench.input(count), count)
    }
    const naive: Pipe = {
      producer: (input) => bench.rival('naive-producer', stage.url, queue, input),
      consumer: (output) => bench.rival('naive-consumer', stage.url, queue, output),
    }
    const sides: Record<string, Side> = {
      naive: side(naive, few),
      amqplib: side(bare(bench, stage), lines),
      kedafn: side(shipped(bench, stage), lines),
      packed: side(shipped(bench, stage, packing), many),
    }
    if (publish && consume) {
      const pair: Pipe = {
        producer: (input) => new Child(publish, [stage.url, queue, '0', input]),
        consumer: (output) => new Child(consume, [stage.url, queue, '0', output]),
      }
      sides.c = side(pair, lines)
    }
    const notes = [
      'naive: await each confirm, prefetch 1, write and ack each line, no sync. amqplib: window 1000, group commit, one sync and one ack a group. c: window 1000, one ack per 100, written and NOT synced',
      'packed: KEDAFN_LINES_PER_MESSAGE=100 and batches of 5,000. The history is off on all sides, see the row `history`',
    ]
    return { sides, comparisons: comparisonsOf(type, goals), skipped, notes }
  },
})

function comparisonsOf(type: string, goals: Goals): readonly Comparison[] {
  const rate = { metric: 'rate', unit: 'lines/s', better: 'higher' } as const
  const what = `file to file, ${type}:`
  const cpu = (id: string, metric: string, name: string): Comparison => {
    const sides = { unit: 'us', of: 'kedafn', to: 'amqplib', better: 'lower', goal: 1.25 } as const
    return { id, what: `CPU of a message, ${name}, ${type}: kedafn / bare amqplib`, metric, ...sides }
  }
  return [
    { id: 'c', what: `${what} kedafn / C pair`, of: 'kedafn', to: 'c', goal: goals.c, ...rate },
    { id: 'naive', what: `${what} kedafn / naive loop`, of: 'kedafn', to: 'naive', goal: goals.naive, ...rate },
    { id: 'amqplib', what: `${what} kedafn / bare amqplib`, of: 'kedafn', to: 'amqplib', goal: null, ...rate },
    { id: 'packed', what: `${what} packed / unpacked`, of: 'packed', to: 'kedafn', goal: goals.packed, ...rate },
    { id: 'packed-rate', what: `${what} packed, lines/s`, of: 'packed', to: null, goal: 1_000_000, ...rate },
    cpu('cpu', 'cpuUs', 'both processes'),
    cpu('cpu-producer', 'producerUs', 'producer'),
    cpu('cpu-consumer', 'consumerUs', 'consumer'),
  ]
}

export const pipelineQuorum = pipelineRow('quorum', { c: 0.85, naive: 20, packed: 30 })
export const pipelineClassic = pipelineRow('classic', { c: 0.85, naive: 20, packed: 20 })
