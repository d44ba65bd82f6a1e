import { join } from 'node:path'
import { root } from '../harness/bench.ts'
import { Child } from '../harness/child.ts'
import { pika, rabbitmqClient } from '../harness/peers.ts'
import { flow, type Pipe, shipped } from '../harness/pipe.ts'
import type { Comparison } from '../harness/result.ts'
import type { Row, Side } from '../harness/row.ts'
import { queue } from '../harness/stage.ts'

/** Other clients that do the same job at the same safety. */
export const peers: Row = {
  name: 'peers',
  section: 'Peers',
  title: 'Other clients',
  async prepare(bench) {
    const stage = await bench.stages().then((stages) => stages.make({ type: 'quorum', history: false }))
    const lines = bench.count(40_000, 10_000)
    const few = bench.count(2000, 500)
    const side = (pipe: Pipe, count: number): Side => {
      return async () => flow(bench, stage, pipe, await bench.input(count), count)
    }
    const sides: Record<string, Side> = { kedafn: side(shipped(bench, stage), lines) }
    const [node, python] = [rabbitmqClient(), pika()]
    const { path: packages } = node
    if (packages !== null) {
      bench.peers.add(node.version)
      const pipe: Pipe = {
        producer: (input) => bench.rival('peer-producer', packages, stage.url, queue, input),
        consumer: (output) => bench.rival('peer-consumer', packages, stage.url, queue, output),
      }
      sides['rabbitmq-client'] = side(pipe, lines)
    }
    const { path: interpreter } = python
    if (interpreter !== null) {
      bench.peers.add(python.version)
      const script = (name: string, ...args: string[]) =>
        new Child(interpreter, [join(root, 'bench', 'rivals', name), stage.url, queue, ...args])
      const pipe: Pipe = {
        producer: (input) => script('pika_producer.py', input),
        consumer: (output) => script('pika_consumer.py', output),
      }
      sides.pika = side(pipe, few)
    }
    return {
      sides,
      comparisons: ['rabbitmq-client', 'pika'].flatMap(comparisonsOf),
      skipped: [node, python].flatMap(({ path, reason }) => (path === null ? reason : [])),
      notes: [
        'rabbitmq-client: createPublisher with confirm, 1000 sends at a time; createConsumer with prefetch and concurrency 1000, a handler ends once its group is written and synced, each message is acked by itself. pika: BlockingConnection with confirm_delivery, which waits for each confirm; prefetch 1000, up to 100 deliveries are one write, one sync, one ack',
      ],
    }
  },
}

const comparisonsOf = (to: string): readonly Comparison[] => [
  {
    id: to,
    what: `file to file, quorum: kedafn / ${to}`,
    metric: 'rate',
    unit: 'lines/s',
    of: 'kedafn',
    to,
    better: 'higher',
    goal: null,
  },
  {
    id: `${to} cpu`,
    what: `CPU of a message, both processes: kedafn / ${to}`,
    metric: 'cpuUs',
    unit: 'us',
    of: 'kedafn',
    to,
    better: 'lower',
    goal: null,
  },
]
