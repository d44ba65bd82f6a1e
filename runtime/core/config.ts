import { FnError } from './errors.ts'
import { consumerOptions, type IntegerOption, producerOptions } from './options.ts'
import { type EnvSpec, type FunctionSpec, isConsumer } from './spec.ts'
import { isSingle } from './verdict.ts'

export type Environment = Readonly<Record<string, string | undefined>>
type Integers<O> = { readonly [K in keyof O]: number }

/** Where and how to reach the broker. */
export interface BrokerAddress {
  readonly tls: boolean
  readonly hostname: string
  readonly port: number
  readonly username: string
  readonly password: string
  readonly vhost: string
}

interface Shared {
  /** The function's name: its folder. */
  readonly name: string
  readonly queue: string
  readonly exchange: string
  readonly broker: BrokerAddress
  readonly topology: 'declare' | 'verify'
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  /** The variables the spec declares. */
  readonly env: Readonly<Record<string, string>>
}
export type ConsumerConfig = Shared & Integers<typeof consumerOptions> & { readonly kind: 'consumer' }
export type ProducerConfig = Shared &
  Integers<typeof producerOptions> & {
    readonly kind: 'producer'
    readonly inputPath: string
    readonly checkpointPath: string
    readonly once: boolean
  }
export type Config = ConsumerConfig | ProducerConfig

/** Collects problems, so that a person sees all of them at once. */
class Problems {
  readonly list: string[] = []

  add(option: string, seen: unknown, expected: string): void {
    this.list.push(`${option} is ${seen === undefined ? 'missing' : show(seen)}; expected ${expected}`)
  }

  throwIfAny(code: 'FN_SPEC_INVALID' | 'FN_ENV_INVALID', name: string): void {
    if (this.list.length === 0) return
    throw new FnError(code, `${name}\n${this.list.map((line) => `  - ${line}`).join('\n')}`)
  }
}

function show(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  const shown =
    typeof value === 'string'
      ? JSON.stringify(value)
      : typeof value === 'object'
        ? JSON.stringify(value)
        : String(value)
  return (shown ?? typeof value).slice(0, 100)
}

const namePattern = /^[A-Za-z0-9._-]{1,200}$/
const nameRule = '1 to 200 of A-Z a-z 0-9 . _ -'
const variablePattern = /^[A-Z_][A-Z0-9_]*$/

const keysOf = {
  consumer: ['queue', 'exchange', 'decode', 'batch', 'concurrency', 'scale', 'retry', 'env', 'setup', 'handle'],
  producer: ['source', 'queue', 'exchange', 'encode', 'env', 'map'],
  batch: ['size', 'maxWaitMs'],
  scale: ['min', 'max', 'messagesPerReplica'],
  retry: ['attempts', 'firstDelayMs', 'maxDelayMs'],
} as const

/** The defaults that depend on the kind of handler. */
function optionsOf(spec: FunctionSpec): Readonly<Record<string, IntegerOption>> {
  if (!isConsumer(spec)) return producerOptions
  if (!isSingle(spec.handle)) return consumerOptions
  return {
    ...consumerOptions,
    batchSize: { ...consumerOptions.batchSize, default: 1 },
    concurrency: { ...consumerOptions.concurrency, default: 10 },
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Checks what a `function.ts` exports by default.
 * @throws FnError FN_SPEC_INVALID naming every problem
 */
export function checkSpec(name: string, exported: unknown): FunctionSpec {
  const problems = new Problems()
  if (!isRecord(exported)) {
    problems.add('the default export', exported, 'what defineConsumer() or defineProducer() returns')
    problems.throwIfAny('FN_SPEC_INVALID', name)
  }
  const spec = exported as Record<string, unknown>
  const kind = 'source' in spec ? 'producer' : 'consumer'
  checkKeys(problems, '', spec, keysOf[kind])
  checkName(problems, 'queue', spec.queue)
  if (spec.exchange !== undefined) checkName(problems, 'exchange', spec.exchange)
  checkEnvSpec(problems, spec.env)
  if (kind === 'producer') checkProducer(problems, spec)
  else checkConsumer(problems, spec)
  problems.throwIfAny('FN_SPEC_INVALID', name)
  return exported as unknown as FunctionSpec
}

function checkConsumer(problems: Problems, spec: Record<string, unknown>): void {
  if (typeof spec.handle !== 'function') problems.add('handle', spec.handle, 'a function')
  if (spec.setup !== undefined && typeof spec.setup !== 'function') problems.add('setup', spec.setup, 'a function')
  checkCodec(problems, 'decode', spec.decode)
  for (const group of ['batch', 'scale', 'retry'] as const) {
    const value = spec[group]
    if (value === undefined) continue
    if (isRecord(value)) checkKeys(problems, `${group}.`, value, keysOf[group])
    else problems.add(group, value, `an object of ${keysOf[group].join(', ')}`)
  }
  const values: Record<string, number> = {}
  for (const [key, option] of Object.entries<IntegerOption>(consumerOptions)) {
    const value = valueAt(spec, option.spec)
    if (value !== undefined && !fits(value, option)) problems.add(option.spec ?? key, value, rangeOf(option))
    values[key] = typeof value === 'number' ? value : option.default
  }
  const { scaleMin = 0, scaleMax = 0, firstDelayMs = 0, maxDelayMs = 0 } = values
  if (scaleMin > scaleMax) problems.add('scale.min', scaleMin, `at most scale.max, which is ${scaleMax}`)
  if (firstDelayMs > maxDelayMs)
    problems.add('retry.firstDelayMs', firstDelayMs, `at most retry.maxDelayMs, which is ${maxDelayMs}`)
}

function checkProducer(problems: Problems, spec: Record<string, unknown>): void {
  const { source } = spec
  if (!isRecord(source) || source.kind !== 'lines') problems.add('source', source, 'lines({ path })')
  else if (typeof source.path !== 'string' || source.path === '')
    problems.add('source.path', source.path, 'the path of a file')
  if (typeof spec.map !== 'function') problems.add('map', spec.map, 'a function')
  checkCodec(problems, 'encode', spec.encode)
}

function checkCodec(problems: Problems, option: 'decode' | 'encode', value: unknown): void {
  const fitting =
    value === undefined || typeof value === 'function' || (isRecord(value) && typeof value[option] === 'function')
  if (!fitting) problems.add(option, value, 'a codec (text, json, bytes) or a function')
}

function checkKeys(problems: Problems, path: string, value: Record<string, unknown>, known: readonly string[]): void {
  for (const key of Object.keys(value)) {
    if (!known.includes(key))
      problems.add(`${path}${key}`, value[key], `no such option; known here: ${known.join(', ')}`)
  }
}

function checkName(problems: Problems, option: string, value: unknown): void {
  if (typeof value !== 'string' || !namePattern.test(value)) problems.add(option, value, nameRule)
}

function checkEnvSpec(problems: Problems, env: unknown): void {
  if (env === undefined) return
  if (!isRecord(env)) {
    problems.add('env', env, 'an object of variables')
    return
  }
  for (const [name, variable] of Object.entries(env)) {
    if (!variablePattern.test(name)) problems.add(`env.${name}`, name, 'a name of A-Z 0-9 _')
    if (!isRecord(variable)) problems.add(`env.${name}`, variable, 'an object such as { default: "…" }')
    else if (variable.default !== undefined && typeof variable.default !== 'string') {
      problems.add(`env.${name}.default`, variable.default, 'a string')
    }
  }
}

function valueAt(spec: Record<string, unknown>, path: string | null): unknown {
  let value: unknown = path === null ? undefined : spec
  for (const key of path?.split('.') ?? []) value = isRecord(value) ? value[key] : undefined
  return value
}

const fits = (value: unknown, { min, max }: IntegerOption): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
const rangeOf = ({ min, max }: IntegerOption): string => `a whole number from ${min} to ${max}`

/**
 * The configuration of one function: its spec, overridden by the environment.
 * @throws FnError FN_ENV_INVALID naming every problem, secrets redacted
 */
export function readConfig(name: string, spec: FunctionSpec, env: Environment): Config {
  const problems = new Problems()
  const integers: Record<string, number> = {}
  for (const [key, option] of Object.entries(optionsOf(spec))) {
    const fromSpec = valueAt(spec as unknown as Record<string, unknown>, option.spec)
    integers[key] = readInteger(problems, option, env) ?? (fromSpec as number | undefined) ?? option.default
  }
  const { firstDelayMs, maxDelayMs } = integers
  if (firstDelayMs !== undefined && maxDelayMs !== undefined && firstDelayMs > maxDelayMs) {
    problems.add(
      'retry.firstDelayMs (KEDAFN_RETRY_FIRST_DELAY_MS)',
      firstDelayMs,
      `at most retry.maxDelayMs, which is ${maxDelayMs}`,
    )
  }
  const shared: Shared = {
    name,
    queue: spec.queue,
    exchange: spec.exchange ?? spec.queue,
    broker: readAddress(problems, env.AMQP_URL || 'amqp://guest:guest@127.0.0.1:5672'),
    topology: readChoice(problems, 'KEDAFN_TOPOLOGY', env, ['declare', 'verify']),
    logLevel: readChoice(problems, 'LOG_LEVEL', env, ['info', 'debug', 'warn', 'error']),
    env: readDeclared(problems, spec.env ?? {}, env),
  }
  const producer = isConsumer(spec)
    ? null
    : {
        inputPath: env.INPUT_PATH || spec.source.path,
        checkpointPath: env.KEDAFN_CHECKPOINT_PATH || `.kedafn/${name}.checkpoint`,
        once: readChoice(problems, 'KEDAFN_ONCE', env, ['false', 'true']) === 'true',
      }
  problems.throwIfAny('FN_ENV_INVALID', name)
  const config = { ...shared, ...integers, ...(producer ? { kind: 'producer', ...producer } : { kind: 'consumer' }) }
  return config as Config
}

function readInteger(problems: Problems, option: IntegerOption, env: Environment): number | undefined {
  const seen = option.env === null ? undefined : env[option.env]
  if (seen === undefined || seen === '') return undefined
  const value = /^[0-9]{1,15}$/.test(seen) ? Number(seen) : Number.NaN
  if (fits(value, option)) return value
  problems.add(option.spec === null ? `${option.env}` : `${option.spec} (${option.env})`, seen, rangeOf(option))
  return undefined
}

/** One of `choices`; the first is the default. */
function readChoice<const C extends string>(
  problems: Problems,
  name: string,
  env: Environment,
  choices: readonly [C, ...C[]],
): C {
  const seen = env[name] || choices[0]
  const choice = choices.find((candidate) => candidate === seen)
  if (choice === undefined) problems.add(name, seen, choices.join(' or '))
  return choice ?? choices[0]
}

function readDeclared(problems: Problems, declared: EnvSpec, env: Environment): Record<string, string> {
  const values: Record<string, string> = {}
  for (const [name, variable] of Object.entries(declared)) {
    const value = env[name] ?? variable.default
    if (value === undefined) {
      problems.add(`env.${name} (${name})`, undefined, variable.description ?? 'a value')
    } else if (variable.oneOf && !variable.oneOf.includes(value)) {
      problems.add(`env.${name} (${name})`, variable.secret ? '***' : value, variable.oneOf.join(' or '))
    } else values[name] = value
  }
  return values
}

const addressRule = 'amqp://user:password@host:port/vhost or amqps://…, user, password and vhost percent-encoded'

function readAddress(problems: Problems, seen: string): BrokerAddress {
  try {
    const url = new URL(seen)
    if (!/^amqps?:$/.test(url.protocol) || url.hostname === '') throw new TypeError('no AMQP address')
    const tls = url.protocol === 'amqps:'
    const anonymous = url.username === '' && url.password === ''
    return {
      tls,
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: Number(url.port || (tls ? 5671 : 5672)),
      username: anonymous ? 'guest' : decodeURIComponent(url.username),
      password: anonymous ? 'guest' : decodeURIComponent(url.password),
      vhost: decodeURIComponent(url.pathname.slice(1)) || '/',
    }
  } catch {
    problems.add('AMQP_URL', redactUrl(seen), addressRule)
    return { tls: false, hostname: '', port: 0, username: '', password: '', vhost: '' }
  }
}

/** Scheme, user and host of a URL; of what is no URL, or may hold a password in the wrong place, the scheme at most. */
export function redactUrl(seen: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(seen)?.[0] ?? ''
  const url = URL.canParse(seen) ? new URL(seen) : null
  if (!url || (seen.includes('@') && url.username === '')) return `${scheme}***`
  return `${scheme}${url.username === '' ? '' : `${url.username}:***@`}${url.host}`
}
