import { type BrokerConfig, readBroker } from './broker-config.ts'
import { consumerOptions, fits, type IntegerOption, labelOf, producerOptions, rangeOf, textOptions } from './options.ts'
import { isPattern } from './pattern.ts'
import { Problems, redacted } from './problems.ts'
import { type Environment, noFiles, type ReadText, readProblem } from './secret-files.ts'
import { type EnvSpec, type FunctionSpec, isConsumer } from './spec.ts'
import { checkTogether, consumerOptionsOf, specValue } from './spec-check.ts'
import { checkpointQueueOf } from './topology.ts'

export { type BrokerAddress, parseAddress } from './address.ts'
export type { BrokerConfig, TlsConfig } from './broker-config.ts'
export type { Environment, ReadText } from './secret-files.ts'
export { checkSpec } from './spec-check.ts'

type Integers<O> = { readonly [K in keyof O]: number }

interface Shared {
  /** The function's name: its folder. */
  readonly name: string
  readonly queue: string
  readonly exchange: string
  readonly broker: BrokerConfig
  readonly topology: 'declare' | 'verify'
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  /** Whether a port is opened for probes. */
  readonly metrics: boolean
  readonly metricsHost: string
  /** Whether traces are asked for. */
  readonly traces: boolean
  /** The part of the traces begun here that is sampled, 0 to 1. */
  readonly traceRatio: number
  readonly traceParent: 'link' | 'parent'
  /** The variables the spec declares. */
  readonly env: Readonly<Record<string, string>>
}
export type ConsumerConfig = Shared & Integers<typeof consumerOptions> & { readonly kind: 'consumer' }
export type ProducerConfig = Shared &
  Integers<typeof producerOptions> & {
    readonly kind: 'producer'
    readonly inputPath: string
    /** Names the source in the broker: producers with the same name never work at the same time. */
    readonly sourceName: string
    /** How the queue is made if it is missing. */
    readonly queueOrdered: boolean
    readonly lock: boolean
    readonly checkpoint: 'file' | 'broker'
    readonly checkpointPath: string
    readonly once: boolean
  }
export type Config = ConsumerConfig | ProducerConfig

/**
 * The configuration of one function: its spec, overridden by the environment. An empty variable of the runtime counts as
 * unset; an empty variable that the spec declares is a value.
 * @throws FnError FN_ENV_INVALID naming every problem, secrets redacted
 */
export function readConfig(name: string, spec: FunctionSpec, env: Environment, read: ReadText = noFiles): Config {
  const problems = new Problems()
  const shared: Shared = {
    name,
    queue: spec.queue,
    exchange: spec.exchange ?? spec.queue,
    broker: readBroker(problems, env, read),
    topology: readChoice(problems, 'KEDAFN_TOPOLOGY', env),
    logLevel: readChoice(problems, 'LOG_LEVEL', env),
    metrics: readChoice(problems, 'KEDAFN_METRICS', env) === 'on',
    metricsHost: env.OTEL_EXPORTER_PROMETHEUS_HOST || textOptions.OTEL_EXPORTER_PROMETHEUS_HOST.default,
    traces: tracesAsked(env),
    traceRatio: readRatio(problems, env),
    traceParent: readChoice(problems, 'KEDAFN_TRACE_PARENT', env),
    env: readDeclared(problems, spec.env ?? {}, env, read),
  }
  let config: Config
  if (isConsumer(spec)) {
    const integers = readIntegers(problems, consumerOptionsOf(spec.handle), spec, env)
    checkTogether(problems, integers)
    if (integers.maxDeliveries > 0 && spec.order !== undefined) {
      problems.add(
        labelOf(consumerOptions.maxDeliveries),
        integers.maxDeliveries,
        '0 with order: what fails waits in its place',
      )
    }
    config = { ...shared, ...integers, kind: 'consumer' }
  } else {
    config = {
      ...shared,
      ...readIntegers(problems, producerOptions, spec, env),
      kind: 'producer',
      inputPath: env.INPUT_PATH || spec.source.path,
      sourceName: readSourceName(problems, name, spec.queue, env),
      queueOrdered: readChoice(problems, 'KEDAFN_QUEUE_ORDERED', env) === 'true',
      lock: readChoice(problems, 'KEDAFN_LOCK', env) === 'on',
      checkpoint: readChoice(problems, 'KEDAFN_CHECKPOINT', env),
      checkpointPath: env.KEDAFN_CHECKPOINT_PATH || `.kedafn/${name}.checkpoint`,
      once: readChoice(problems, 'KEDAFN_ONCE', env) === 'true',
    }
    checkCheckpoint(problems, config)
  }
  problems.throwIfAny('FN_ENV_INVALID', name)
  return config
}

/** n.b. NaN stands for a value that is a problem already: every comparison with it is false, so it causes no second one. */
function readIntegers<const O extends Readonly<Record<string, IntegerOption>>>(
  problems: Problems,
  options: O,
  spec: FunctionSpec,
  env: Environment,
): Integers<O> {
  const entries = Object.entries(options).map(([key, option]) => {
    const seen = option.env === null ? undefined : env[option.env]
    if (!seen) return [key, specValue(spec, option) ?? option.default]
    const value = /^[0-9]{1,15}$/.test(seen) ? Number(seen) : Number.NaN
    if (fits(value, option)) return [key, value]
    problems.add(labelOf(option), seen, rangeOf(option))
    return [key, Number.NaN]
  })
  return Object.fromEntries(entries) as Integers<O>
}

/** n.b. OpenTelemetry's own default is otlp to this machine, whoever is there or not. */
const tracesAsked = ({
  OTEL_TRACES_EXPORTER: exporter,
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
}: Environment): boolean => (exporter ? exporter.split(',').some((name) => name.trim() === 'otlp') : Boolean(endpoint))

function readRatio(problems: Problems, env: Environment): number {
  const seen = env.OTEL_TRACES_SAMPLER_ARG || textOptions.OTEL_TRACES_SAMPLER_ARG.default
  const ratio = Number(seen)
  if (!(ratio >= 0 && ratio <= 1)) problems.add('OTEL_TRACES_SAMPLER_ARG', seen, 'a number from 0 to 1')
  return ratio
}

type Choices = { [N in keyof typeof textOptions as (typeof textOptions)[N] extends { choices: object } ? N : never]: N }

/** One of the choices of a text option, or its default. */
function readChoice<const N extends keyof Choices>(
  problems: Problems,
  name: N,
  env: Environment,
): (typeof textOptions)[N]['choices'][number] {
  const { choices, default: standard } = textOptions[name]
  const seen = env[name] || standard
  const choice = choices.find((candidate) => candidate === seen)
  if (choice === undefined) problems.add(name, seen, choices.join(' or '))
  return choice ?? standard
}

function checkCheckpoint(problems: Problems, { checkpoint, lock, inputPath }: ProducerConfig): void {
  if (checkpoint !== 'broker') return
  if (!lock) problems.add('KEDAFN_LOCK', 'off', 'on with KEDAFN_CHECKPOINT=broker: who reads it hides it from others')
  if (isPattern(inputPath))
    problems.add('INPUT_PATH', inputPath, 'one file, not a pattern, with KEDAFN_CHECKPOINT=broker')
}

/** The longest name of a queue, in bytes. */
const maxNameLength = 255

function readSourceName(problems: Problems, name: string, queue: string, env: Environment): string {
  const seen = env.KEDAFN_SOURCE || name
  const longest = maxNameLength - checkpointQueueOf(queue, '').length
  if (!/^[A-Za-z0-9._-]+$/.test(seen) || seen.length > longest) {
    problems.add('KEDAFN_SOURCE', seen, `1 to ${longest} of A-Z a-z 0-9 . _ -`)
  }
  return seen
}

function readDeclared(problems: Problems, declared: EnvSpec, env: Environment, read: ReadText): Record<string, string> {
  const values: Record<string, string> = {}
  for (const [name, variable] of Object.entries(declared)) {
    const label = `env.${name} (${name})`
    const path = variable.secret && !(`${name}_FILE` in declared) ? env[`${name}_FILE`] : undefined
    if (path && env[name] !== undefined) {
      problems.add(`env.${name} (${name}_FILE)`, path, `${name} or ${name}_FILE, not both`)
      continue
    }
    const value = path
      ? readProblem(problems, `env.${name} (${name}_FILE)`, path, read)
      : (env[name] ?? variable.default)
    if (value === undefined) {
      if (!path) problems.add(label, undefined, variable.description ?? 'a value')
    } else if (variable.oneOf && !variable.oneOf.includes(value)) {
      problems.add(label, variable.secret ? redacted : value, variable.oneOf.join(' or '))
    } else values[name] = value
  }
  return values
}
