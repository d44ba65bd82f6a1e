import { retryLadder } from '../runtime/core/backoff.ts'
import { type Environment, readConfig } from '../runtime/core/config.ts'
import { FnError } from '../runtime/core/errors.ts'
import { isConsumer, requiredVariables } from '../runtime/core/spec.ts'
import { deadQueueOf, retryQueueOf } from '../runtime/core/topology.ts'
import { type FunctionFacts, orderedQueuesOf } from '../tooling/functions.ts'
import { UsageError } from './arguments.ts'
import { brokerVariables, namesBroker, readText } from './broker-access.ts'
import { checkpointPathOf, type Pipeline } from './state.ts'

/** How one function runs here. */
export interface Plan {
  readonly name: string
  readonly kind: 'producer' | 'consumer'
  readonly queue: string
  readonly retryQueues: readonly string[]
  readonly deadQueue: string
  /** A producer of the pipeline's input. */
  readonly readsInput: boolean
  /** A consumer that writes the pipeline's output. */
  readonly writesOutput: boolean
  /** The process's whole environment, but for what is about the broker. */
  readonly env: Environment
  /** How long it may take to stop, in ms. */
  readonly graceMs: number
  /** The longest wait of a message in a retry queue, in ms. */
  readonly longestRetryMs: number
}

const ownVariables = ['INPUT_PATH', 'OUTPUT_PATH', 'RABBITMQ_MANAGEMENT_URL', 'KEDAFN_CHECKPOINT_PATH', 'KEDAFN_ONCE']

export interface Plans {
  readonly plans: readonly Plan[]
  /** One line for each function that does not run here, for want of a variable that only a person can give. */
  readonly leftOut: readonly string[]
}

/**
 * Plans every function, but for those that lack a variable they cannot do without. The pipeline's input goes to the producers
 * whose source is `input.txt`, its output to the consumers that declare OUTPUT_PATH with the default `output.txt`; a function
 * with files of its own keeps them.
 * @throws UsageError with all problems of the environment, of all functions
 */
export function planFunctions(
  facts: readonly FunctionFacts[],
  pipeline: Pipeline,
  { env, once }: { env: Environment; once: boolean },
): Plans {
  const problems: string[] = []
  const ordered = orderedQueuesOf(facts)
  const leftOut: string[] = []
  const plans = facts.flatMap((one) => {
    const missing = missingOf(one, env)
    if (missing !== null) {
      leftOut.push(missing)
      return []
    }
    try {
      return planOf(one, pipeline, ordered.has(one.spec.queue) ? { KEDAFN_QUEUE_ORDERED: 'true', ...env } : env, once)
    } catch (error) {
      if (!(error instanceof FnError)) throw error
      problems.push(error.message)
      return []
    }
  })
  if (problems.length > 0) throw new UsageError(problems.join('\n'))
  return { plans, leftOut }
}

/** What a person is told of a function that cannot run as the environment is; null if it can. */
function missingOf({ name, spec }: FunctionFacts, env: Environment): string | null {
  const missing = requiredVariables(spec)
    .filter(([variable, { secret }]) => env[variable] === undefined && !(secret && env[`${variable}_FILE`]))
    .map(([variable, { description }]) => (description ? `${variable} (${description})` : variable))
  return missing.length === 0 ? null : `${name} is left out: it needs ${missing.join(' and ')}`
}

function planOf({ name, spec }: FunctionFacts, pipeline: Pipeline, outer: Environment, once: boolean): Plan {
  const readsInput = !isConsumer(spec) && spec.source.path === 'input.txt'
  const writesOutput = isConsumer(spec) && spec.env?.OUTPUT_PATH?.default === 'output.txt'
  const env: Record<string, string | undefined> = { ...outer }
  const broker = brokerVariables(outer)
  for (const variable of [...ownVariables, ...Object.keys(broker)]) delete env[variable]
  if (readsInput) env.INPUT_PATH = pipeline.input
  if (writesOutput) env.OUTPUT_PATH = pipeline.output
  if (!isConsumer(spec)) {
    env.KEDAFN_CHECKPOINT_PATH = checkpointPathOf(pipeline, name)
    env.KEDAFN_ONCE = String(once)
  }
  // Many functions on one machine: each has a port of its own.
  env.OTEL_EXPORTER_PROMETHEUS_HOST ||= '127.0.0.1'
  env.OTEL_EXPORTER_PROMETHEUS_PORT = '0'
  const isNamed = namesBroker(outer)
  // A private broker holds nothing that could be verified.
  if (!isNamed) env.KEDAFN_TOPOLOGY = 'declare'
  const config = readConfig(name, spec, { ...env, ...(isNamed ? broker : {}) }, readText)
  const retryDelaysMs = config.kind === 'consumer' ? retryLadder(config) : []
  return {
    name,
    kind: config.kind,
    queue: config.queue,
    retryQueues: retryDelaysMs.map((delayMs) => retryQueueOf(config.queue, delayMs)),
    deadQueue: deadQueueOf(config.queue),
    readsInput,
    writesOutput,
    env,
    graceMs: config.graceMs,
    longestRetryMs: Math.max(0, ...retryDelaysMs),
  }
}
