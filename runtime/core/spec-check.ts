import { consumerOptions, fits, type IntegerOption, labelOf, producerOptions, rangeOf } from './options.ts'
import { Problems, redacted } from './problems.ts'
import { deliveriesInTime, maxPrefetch, prefetchOf } from './scale.ts'
import type { ConsumerSpec, EnvSpec, FunctionSpec } from './spec.ts'
import { isSingle } from './verdict.ts'

type Fields = Record<string, unknown>
type ConsumerOptionTable = { readonly [K in keyof typeof consumerOptions]: IntegerOption }

const namePattern = /^(?!amq\.)[A-Za-z0-9._-]{1,200}$/
const nameRule = '1 to 200 of A-Z a-z 0-9 . _ -, not beginning with amq.'
const variablePattern = /^[A-Z_][A-Z0-9_]*$/

const keysOf = {
  consumer: [
    'queue',
    'exchange',
    'decode',
    'batch',
    'concurrency',
    'timeoutMs',
    'order',
    'scale',
    'retry',
    'linesPerMessage',
    'env',
    'setup',
    'handle',
  ],
  producer: ['source', 'queue', 'exchange', 'encode', 'linesPerMessage', 'env', 'map'],
  source: ['kind', 'path'],
  batch: ['size', 'maxWaitMs'],
  scale: ['min', 'max', 'messagesPerReplica'],
  retry: ['attempts', 'firstDelayMs', 'maxDelayMs', 'maxAgeMs'],
  order: ['key'],
  variable: ['default', 'secret', 'description', 'oneOf'],
} as const

/**
 * Checks what a `function.ts` exports by default.
 * @throws FnError FN_SPEC_INVALID naming every problem
 */
export function checkSpec(name: string, exported: unknown): FunctionSpec {
  const problems = new Problems()
  if (isFields(exported)) checkFields(problems, exported)
  else problems.add('the default export', exported, 'what defineConsumer() or defineProducer() returns')
  problems.throwIfAny('FN_SPEC_INVALID', name)
  return exported as FunctionSpec
}

function checkFields(problems: Problems, spec: Fields): void {
  const kind = !('handle' in spec) && ('source' in spec || 'map' in spec) ? 'producer' : 'consumer'
  checkKeys(problems, '', spec, keysOf[kind])
  checkName(problems, 'queue', spec.queue)
  if (spec.exchange !== undefined) checkName(problems, 'exchange', spec.exchange)
  checkVariables(problems, spec.env)
  if (kind === 'producer') checkProducer(problems, spec)
  else checkConsumer(problems, spec)
}

function checkConsumer(problems: Problems, spec: Fields): void {
  if (typeof spec.handle !== 'function') problems.add('handle', spec.handle, 'a function')
  if (spec.setup !== undefined && typeof spec.setup !== 'function') problems.add('setup', spec.setup, 'a function')
  checkCodec(problems, 'decode', spec.decode)
  checkOrder(problems, spec.order)
  for (const group of ['batch', 'scale', 'retry'] as const) {
    const value = spec[group]
    if (isFields(value)) checkKeys(problems, `${group}.`, value, keysOf[group])
    else if (value !== undefined) problems.add(group, value, `an object of ${keysOf[group].join(', ')}`)
  }
  checkTogether(problems, checkIntegers(problems, spec, consumerOptionsOf(spec.handle)))
}

function checkIntegers<K extends string>(
  problems: Problems,
  spec: Fields,
  options: Readonly<Record<K, IntegerOption>>,
): Record<K, number> {
  const entries = Object.entries<IntegerOption>(options).map(([key, option]) => {
    const value = specValue(spec, option)
    if (value === undefined) return [key, option.default] as const
    if (fits(value, option)) return [key, value] as const
    problems.add(labelOf(option), value, rangeOf(option))
    return [key, Number.NaN] as const
  })
  return Object.fromEntries(entries) as Record<K, number>
}

function checkOrder(problems: Problems, order: unknown): void {
  if (order === undefined || order === 'queue') return
  if (isFields(order) && typeof order.key === 'function') checkKeys(problems, 'order.', order, keysOf.order)
  else problems.add('order', order, "'queue' or { key: (delivery) => string }")
}

function checkProducer(problems: Problems, spec: Fields): void {
  const { source } = spec
  if (isFields(source) && source.kind === 'lines') {
    checkKeys(problems, 'source.', source, keysOf.source)
    if (typeof source.path !== 'string' || source.path === '') {
      problems.add('source.path (INPUT_PATH)', source.path, 'the path of a file')
    }
  } else problems.add('source', source, 'lines({ path })')
  if (typeof spec.map !== 'function') problems.add('map', spec.map, 'a function')
  checkIntegers(problems, spec, producerOptions)
  checkCodec(problems, 'encode', spec.encode)
}

function checkCodec(problems: Problems, option: 'decode' | 'encode', value: unknown): void {
  if (value === undefined || typeof value === 'function') return
  if (isFields(value) && typeof value[option] === 'function') return
  problems.add(option, value, 'a codec (text, json, bytes) or a function')
}

function checkKeys(problems: Problems, path: string, value: Fields, known: readonly string[]): void {
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) problems.unknown(`${path}${key}`, value[key], known)
  }
}

function checkName(problems: Problems, option: string, value: unknown): void {
  if (typeof value !== 'string' || !namePattern.test(value)) problems.add(option, value, nameRule)
}

function checkVariables(problems: Problems, env: unknown): void {
  if (isFields(env)) {
    for (const [name, variable] of Object.entries(env)) {
      if (!variablePattern.test(name)) problems.add(`env.${name}`, name, 'a name of A-Z 0-9 _')
      if (isFields(variable)) checkVariable(problems, `env.${name}`, variable)
      else problems.add(`env.${name}`, variable, 'an object such as { default: "…" }')
    }
  } else if (env !== undefined) problems.add('env', env, 'an object of variables')
}

function checkVariable(problems: Problems, path: string, variable: Fields): void {
  const { default: standard, secret, description, oneOf } = variable
  const shown = secret ? redacted : standard
  checkKeys(problems, `${path}.`, variable, keysOf.variable)
  if (standard !== undefined && typeof standard !== 'string') problems.add(`${path}.default`, shown, 'a string')
  if (secret !== undefined && typeof secret !== 'boolean') problems.add(`${path}.secret`, secret, 'true or false')
  if (description !== undefined && typeof description !== 'string') {
    problems.add(`${path}.description`, description, 'a string')
  }
  if (oneOf === undefined) return
  if (!Array.isArray(oneOf) || oneOf.length === 0 || oneOf.some((value) => typeof value !== 'string')) {
    problems.add(`${path}.oneOf`, oneOf, 'a list of strings')
  } else if (typeof standard === 'string' && !oneOf.includes(standard)) {
    problems.add(`${path}.default`, shown, oneOf.join(' or '))
  }
}

/** The rules that more than one option has a part in. NaN breaks none. */
export function checkTogether(
  problems: Problems,
  values: Readonly<Record<keyof typeof consumerOptions, number>>,
): void {
  const { scaleMin, scaleMax, firstDelayMs, maxDelayMs, batchSize, concurrency } = values
  if (scaleMin > scaleMax) problems.add('scale.min', scaleMin, `at most scale.max, which is ${scaleMax}`)
  if (firstDelayMs > maxDelayMs) {
    const expected = `at most ${labelOf(consumerOptions.maxDelayMs)}, which is ${maxDelayMs}`
    problems.add(labelOf(consumerOptions.firstDelayMs), firstDelayMs, expected)
  }
  if (prefetchOf(batchSize, concurrency) > maxPrefetch) {
    const option = `${labelOf(consumerOptions.batchSize)} times ${labelOf(consumerOptions.concurrency)}`
    problems.add(option, batchSize * concurrency, `at most ${Math.floor(maxPrefetch / 2)}`)
  }
  const most = deliveriesInTime(values)
  if (values.linesPerMessage > most) {
    const expected = `at most ${most} with timeoutMs ${values.timeoutMs}: all of a message must be through before the broker loses patience`
    problems.add(labelOf(consumerOptions.linesPerMessage), values.linesPerMessage, expected)
  }
}

/** The table with the defaults that depend on the kind of handler. */
export function consumerOptionsOf(handle: unknown): ConsumerOptionTable {
  if (!isSingle(handle)) return consumerOptions
  return {
    ...consumerOptions,
    batchSize: { ...consumerOptions.batchSize, default: 1 },
    concurrency: { ...consumerOptions.concurrency, default: 10 },
  }
}

/** What stands in the spec at an option's path. */
export function specValue(spec: unknown, { spec: path }: IntegerOption): unknown {
  if (path === null) return undefined
  return path.split('.').reduce((value, key) => (isFields(value) ? value[key] : undefined), spec)
}

/** The numbers of a consumer that stand in its spec, or their defaults. It was checked before. */
export function consumerNumbers(
  spec: ConsumerSpec<unknown, EnvSpec, unknown>,
): (key: keyof typeof consumerOptions) => number {
  const options = consumerOptionsOf(spec.handle)
  return (key) => (specValue(spec, options[key]) as number | undefined) ?? options[key].default
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
