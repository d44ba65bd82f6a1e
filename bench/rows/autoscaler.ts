import { setTimeout as wait } from 'node:timers/promises'
import { connect } from 'amqplib'
import { Autoscaler } from '../../dev/autoscaler/autoscaler.ts'
import { type QueueMetrics, queueMetrics } from '../../dev/autoscaler/queue-metrics.ts'
import { readScaledObjects } from '../../dev/autoscaler/reader.ts'
import { parseAddress } from '../../runtime/core/config.ts'
import { inspector } from '../../runtime/rabbitmq/inspect.ts'
import { systemClock } from '../../runtime/system/clock.ts'
import type { Sample } from '../harness/result.ts'
import type { Row } from '../harness/row.ts'

const queues = 200
const settleMs = 1200

const objectOf = (name: string, protocol: string): string => `
kind: ScaledObject
metadata: {name: ${name}}
spec:
  scaleTargetRef: {name: ${name}}
  pollingInterval: 1
  triggers: [{type: rabbitmq, metadata: {protocol: ${protocol}, queueName: ${name}}}]
`

interface Watched {
  readonly names: readonly string[]
  readonly protocol: 'http' | 'amqp'
  readonly metrics: QueueMetrics
  readonly seconds: number
}

/** The share of one core that this process uses with a fleet that stands still. @throws Error if polls were not answered in time */
async function watch({ names, protocol, metrics, seconds }: Watched): Promise<Sample> {
  const objects = readScaledObjects(names.map((path) => ({ path, text: objectOf(path, protocol) }))).objects
  let answered = 0
  const autoscaler = new Autoscaler({
    objects,
    clock: systemClock,
    // It stays at 1, so that the HPA asks too.
    fleet: {
      population: () => ({ replicas: 1, pods: [{ ready: true, usedMilli: null, requestedMilli: 0 }] }),
      setReplicas() {},
    },
    metrics: {
      async read(trigger) {
        const reading = await metrics.read(trigger)
        if (reading.kind === 'value') answered++
        return reading
      },
    },
  })
  autoscaler.start()
  try {
    await wait(settleMs)
    answered = 0
    const before = process.cpuUsage()
    const begun = performance.now()
    await wait(seconds * 1000)
    const { user, system } = process.cpuUsage(before)
    const ms = performance.now() - begun
    // A broker that is slow is no autoscaler that is cheap.
    if (answered < names.length * seconds * 0.9) throw new Error(`${answered} polls were answered, too few`)
    return { percent: (user + system) / 10 / ms, us: (user + system) / answered }
  } finally {
    autoscaler.stop()
  }
}

/** What the autoscaler of `npm start` costs with real polls. */
export const autoscaler: Row = {
  name: 'autoscaler',
  section: 'Fleet',
  title: `The autoscaler of npm start with ${queues} queues`,
  rounds: { full: 3, quick: 1 },
  async prepare(bench) {
    const broker = await bench.broker()
    const stage = await bench.stages().then((stages) => stages.make({ type: 'quorum', history: false }))
    const names = Array.from({ length: queues }, (_, index) => `bench-autoscaler-${index}`)
    const connection = await connect(stage.url)
    const channel = await connection.createChannel()
    for (const name of names) await channel.assertQueue(name)
    const managementUrl = process.env.KEDAFN_TEST_MANAGEMENT_URL ?? broker.managementUrl
    const side = (protocol: 'http' | 'amqp') => async () => {
      const asking = inspector(stage.url, systemClock)
      const { vhost } = parseAddress(stage.url)
      const metrics = queueMetrics({ inspector: asking, managementUrl, vhost })
      try {
        return await watch({ names, protocol, metrics, seconds: 3 })
      } finally {
        await asking.close()
      }
    }
    const shared = { metric: 'percent', unit: '% of a core', to: null, better: 'lower', goal: 10 } as const
    return {
      sides: { http: side('http'), amqp: side('amqp') },
      comparisons: [
        { id: 'http', what: `${queues} queues, each polled every second over http`, of: 'http', ...shared },
        { id: 'amqp', what: `${queues} queues, each polled every second over amqp`, of: 'amqp', ...shared },
      ],
      warmUp: false,
    }
  },
}

/** How its own work grows with the queues, with polls that are answered at once. */
export const growthQueues: Row = {
  name: 'growth-queues',
  section: 'Growth',
  title: 'The autoscaler, 10 to 10,000 queues',
  rounds: { full: 3, quick: 1 },
  prepare: async (bench) => {
    const counts = bench.quick ? [10, 100, 1000] : [10, 100, 1000, 10_000]
    const metrics: QueueMetrics = { read: async () => ({ kind: 'value', value: 5 }) }
    const side = (count: number) => () => {
      const names = Array.from({ length: count }, (_, index) => `queue-${index}`)
      return watch({ names, protocol: 'amqp', metrics, seconds: 2 })
    }
    return {
      sides: Object.fromEntries(counts.map((count) => [`${count}`, side(count)])),
      comparisons: [],
      growth: [
        {
          x: 'queues, each polled every second',
          points: counts.map((count) => ({ side: `${count}`, x: count })),
          metrics: [
            { metric: 'percent', unit: '% of a core' },
            { metric: 'us', unit: 'us of CPU a poll' },
          ],
        },
      ],
      warmUp: false,
    }
  },
}
