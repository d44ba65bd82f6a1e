/**
 * What the fleet's autoscaler itself costs: 200 queues, each polled every second and synced every 15 s, over http and over amqp.
 * `npm run bench:autoscaler -- --queues 200 --seconds 30`
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { connect } from 'amqplib'
import { Autoscaler } from '../dev/autoscaler/autoscaler.ts'
import { queueMetrics } from '../dev/autoscaler/queue-metrics.ts'
import { readScaledObjects } from '../dev/autoscaler/reader.ts'
import { provideBroker } from '../dev/broker.ts'
import { parseAddress } from '../runtime/core/config.ts'
import { inspector } from '../runtime/rabbitmq/inspect.ts'
import { systemClock } from '../runtime/system/clock.ts'

const { values } = parseArgs({
  options: { queues: { type: 'string', default: '200' }, seconds: { type: 'string', default: '30' } },
})
const count = Number(values.queues)
const seconds = Number(values.seconds)
const goal = 0.1
const say = (line: string): void => void process.stderr.write(`${line}\n`)
const folder = await mkdtemp(join(tmpdir(), 'kedafn-bench-'))
const broker = await provideBroker({ stateDir: join(folder, 'state'), env: process.env, say })
const queues = Array.from({ length: count }, (_, index) => `bench-autoscaler-${index}`)

const objectOf = (queue: string, protocol: string): string => `
kind: ScaledObject
metadata: {name: ${queue}}
spec:
  scaleTargetRef: {name: ${queue}}
  pollingInterval: 1
  triggers: [{type: rabbitmq, metadata: {protocol: ${protocol}, queueName: ${queue}}}]
`

interface Cost {
  /** The share of one core that this process used. */
  readonly share: number
  /** A broker that is slow is no autoscaler that is cheap. */
  readonly pollsPerSecond: number
}

async function measure(protocol: 'http' | 'amqp'): Promise<Cost> {
  const files = queues.map((queue) => ({ path: queue, text: objectOf(queue, protocol) }))
  const asking = inspector(broker.url, systemClock)
  const { vhost } = parseAddress(broker.url)
  const metrics = queueMetrics({ inspector: asking, managementUrl: broker.managementUrl, vhost })
  const polls = { answered: 0, failed: 0 }
  const autoscaler = new Autoscaler({
    objects: readScaledObjects(files).objects,
    clock: systemClock,
    fleet: {
      population: () => ({ replicas: 1, pods: [{ ready: true, usedMilli: null, requestedMilli: 0 }] }),
      // It stays at 1, so that the HPA asks too.
      setReplicas() {},
    },
    metrics: {
      async read(trigger) {
        const reading = await metrics.read(trigger)
        polls[reading.kind === 'value' ? 'answered' : 'failed']++
        return reading
      },
    },
  })
  autoscaler.start()
  await delay(5000)
  Object.assign(polls, { answered: 0, failed: 0 })
  const before = process.cpuUsage()
  const beganMs = performance.now()
  await delay(seconds * 1000)
  const { user, system } = process.cpuUsage(before)
  const share = (user + system) / 1000 / (performance.now() - beganMs)
  autoscaler.stop()
  await asking.close()
  return { share, pollsPerSecond: polls.answered / seconds }
}

try {
  const connection = await connect(broker.url)
  const channel = await connection.createChannel()
  for (const queue of queues) await channel.assertQueue(queue, { durable: true })
  const costs = { http: await measure('http'), amqp: await measure('amqp') }
  for (const queue of queues) await channel.deleteQueue(queue)
  await connection.close()
  const isEnough = ({ pollsPerSecond }: Cost): boolean => pollsPerSecond >= 0.95 * count
  const told = (name: string, cost: Cost): string => {
    const slow = isEnough(cost) ? '' : ', too few: the broker was too slow to tell'
    return `${name}  ${(100 * cost.share).toFixed(1)} % of a core, ${Math.round(cost.pollsPerSecond)} polls/s answered${slow}`
  }
  process.stdout.write(
    [
      `${cpus().length} x ${cpus()[0]?.model}, load ${loadavg()[0]?.toFixed(1)}, Node ${process.version}, ${broker.description}`,
      `${count} queues, each polled every second and synced every 15 s, for ${seconds} s`,
      ...Object.entries(costs).map(([name, cost]) => told(name, cost)),
      `goal  at most ${100 * goal} % of a core`,
      '',
    ].join('\n'),
  )
  process.exitCode = Object.values(costs).every((cost) => isEnough(cost) && cost.share <= goal) ? 0 : 1
} finally {
  await broker.stop()
  await rm(folder, { recursive: true, force: true })
}
