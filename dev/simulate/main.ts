/** npm run simulate: how a function would be scaled, without waiting for it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../../runtime/core/config.ts'
import { prefetchOf } from '../../runtime/core/scale.ts'
import { BuildError, discoverFunctions, inspectFunctions } from '../../tooling/functions.ts'
import { UsageError } from '../arguments.ts'
import { readScaledObjects } from '../autoscaler/reader.ts'
import type { ScaledObject } from '../autoscaler/scaled-object.ts'
import { readArrivals } from './arrivals.ts'
import { parseDuration, parseMs } from './chance.ts'
import { simulateFluid } from './fluid.ts'
import { helpText, numberOf, parseSimulateArguments, type SimulateArguments } from './options.ts'
import { pictureOf } from './picture.ts'
import { reportOf, shownMs, summaryOf } from './report.ts'
import { simulate, type Workload } from './simulation.ts'
import { parseTarget, type Tuning, tune } from './tune.ts'

const root = join(import.meta.dirname, '..', '..')
const print = (text: string): void => void process.stdout.write(text)

/** KEDA's defaults for one queue, for who has no ScaledObject yet. */
const plainObject = `
kind: ScaledObject
metadata: {name: function}
spec:
  scaleTargetRef: {name: function}
  triggers: [{type: rabbitmq, metadata: {protocol: http, queueName: queue, mode: QueueLength, value: "100"}}]
`

function objectOf(args: SimulateArguments): ScaledObject {
  const own = args.function === undefined ? null : join(root, 'keda', 'base', `${args.function}.yaml`)
  const path = args.object ?? (own !== null && existsSync(own) ? own : null)
  const { objects, fixed } = readScaledObjects([
    path === null ? { path: 'default', text: plainObject } : { path, text: readFileSync(path, 'utf8') },
  ])
  const [object] = objects
  if (!object) throw new UsageError(`${path}: ${fixed[0]?.because ?? 'there is no ScaledObject in it'}`)
  const integer = (name: 'value' | 'max' | 'cooldown', least: number): number | null => {
    const text = args[name]
    return text === undefined ? null : numberOf(name, text, least, 1_000_000)
  }
  const value = integer('value', 1)
  const cooldown = integer('cooldown', 0)
  return {
    ...object,
    maxReplicas: integer('max', 1) ?? object.maxReplicas,
    cooldownMs: cooldown === null ? object.cooldownMs : cooldown * 1000,
    triggers: object.triggers.map((trigger) =>
      trigger.type === 'rabbitmq' && value !== null ? { ...trigger, value } : trigger,
    ),
  }
}

type ProcessShape = Pick<Workload, 'batchSize' | 'concurrency' | 'prefetch' | 'graceMs'>

async function shapeOf(args: SimulateArguments): Promise<ProcessShape> {
  let shape = { batchSize: 1, concurrency: 10, graceMs: 30_000 }
  if (args.function !== undefined) {
    const [facts] = await inspectFunctions(root, discoverFunctions(root, [args.function]))
    const config = facts && readConfig(facts.name, facts.spec, { AMQP_URL: 'amqp://127.0.0.1' })
    if (config?.kind !== 'consumer')
      throw new UsageError(`${args.function} is no consumer: it is not scaled by a queue`)
    shape = config
  }
  const batchSize = args.batch === undefined ? shape.batchSize : numberOf('batch', args.batch, 1, 10_000)
  const concurrency =
    args.concurrency === undefined ? shape.concurrency : numberOf('concurrency', args.concurrency, 1, 1000)
  return { batchSize, concurrency, graceMs: shape.graceMs, prefetch: prefetchOf(batchSize, concurrency) }
}

async function runTrace(args: SimulateArguments, trace: string): Promise<void> {
  const object = objectOf(args)
  const work: Workload = {
    arrivals: readArrivals(readFileSync(trace, 'utf8'), trace),
    handler: parseDuration('--handler', args.handler),
    coldStart: parseDuration('--cold-start', args['cold-start']),
    cpuShare: numberOf('cpu-share', args['cpu-share'], 0, 1),
    statsIntervalMs: 5000,
    seed: numberOf('seed', args.seed, 0, 1_000_000),
    ...(await shapeOf(args)),
  }
  if (args.tune !== undefined) {
    const tuning = tune(object, work, parseTarget(args.tune))
    print(args.json ? `${JSON.stringify(tuning)}\n` : tuningText(tuning, args.tune))
    process.exitCode = tuning.best ? 0 : 1
    return
  }
  const result = simulate(object, work)
  print(args.json ? `${JSON.stringify({ ...summaryOf(result), steps: result.steps })}\n` : reportOf(result))
  if (args.svg !== undefined) writeFileSync(args.svg, pictureOf(result, `${object.name} under ${trace}`))
}

function tuningText({ best, trials }: Tuning, target: string): string {
  const rows = trials.map(({ setting, latencyMs, podSeconds, meets }) => {
    const shown = [
      setting.value,
      setting.concurrency,
      setting.cooldownSeconds,
      setting.max,
      shownMs(Math.round(latencyMs)),
    ]
    return [...shown, Math.round(podSeconds), meets ? 'yes' : 'no'].map((cell) => String(cell).padStart(11)).join(' ')
  })
  const head = ['value', 'concurrency', 'cooldown', 'max', target.split('<')[0], 'pod-seconds', 'meets']
  const header = head.map((cell) => String(cell).padStart(11)).join(' ')
  if (!best) return `${[header, ...rows].join('\n')}\n\nnone of these meets ${target}\n`
  const { value, concurrency, cooldownSeconds, max } = best.setting
  const words = `value ${value}, concurrency ${concurrency}, cooldown ${cooldownSeconds} s, max ${max}`
  return `${[header, ...rows].join('\n')}\n\n${words}: ${Math.round(best.podSeconds)} pod-seconds, ${trials.length} settings tried\n`
}

async function runFluid(args: SimulateArguments, functions: string): Promise<void> {
  const { batchSize, concurrency } = await shapeOf(args)
  const replicaRate = (1000 * batchSize * concurrency) / Math.max(0.001, parseMs('--handler', args.handler))
  const result = simulateFluid(objectOf(args), {
    functions: numberOf('functions', functions, 1, 100_000),
    messagesPerSecond: numberOf('rate', args.rate, 0, 1e9),
    seconds: numberOf('seconds', args.seconds, 1, 86_400),
    skew: 0.5,
    activeShare: 0.5,
    replicaRate,
    coldStartMs: parseMs('--cold-start', args['cold-start']),
    seed: numberOf('seed', args.seed, 0, 1_000_000),
  })
  if (args.json) return print(`${JSON.stringify(result)}\n`)
  const { latencySeconds: latency } = result
  print(`messages      ${Math.round(result.arrived)} arrived, ${Math.round(result.done)} done, ${Math.round(result.left)} left
latency       p50 ${latency.p50} s, p95 ${latency.p95} s, p99 ${latency.p99} s
replicas      ${result.peakReplicas} at most, all functions together
asleep        ${(100 * result.asleepShare).toFixed(1)} % of the functions, on average
pod-seconds   ${result.podSeconds}
broker polls  ${result.brokerPolls}
`)
}

try {
  const args = parseSimulateArguments(process.argv.slice(2))
  if (args.help) print(helpText)
  else if (args.trace !== undefined) await runTrace(args, args.trace)
  else await runFluid(args, args.functions ?? '')
} catch (error) {
  const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
  if (!(error instanceof UsageError || error instanceof BuildError || missing)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 2
}
