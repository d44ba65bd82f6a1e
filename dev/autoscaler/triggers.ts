import { type Fields, nearest } from './fields.ts'
import type { Trigger } from './scaled-object.ts'

const metadataNames = [
  'queueName',
  'mode',
  'value',
  'queueLength',
  'activationValue',
  'host',
  'hostFromEnv',
  'protocol',
  'vhostName',
  'username',
  'usernameFromEnv',
  'password',
  'passwordFromEnv',
  'excludeUnacknowledged',
  'useRegex',
  'pageSize',
  'operation',
  'timeout',
  'unsafeSsl',
]

/**
 * One trigger with KEDA's defaults; null for what was refused, or is none that can be tried here, which is then named in `cannot`.
 * Where the broker is and who asks it is not read: here it is the local broker.
 */
export function readTrigger(fields: Fields, index: number, cannot: string[]): Trigger | null {
  fields.only(['type', 'name', 'metadata', 'metricType', 'useCachedMetrics', 'authenticationRef'])
  const type = fields.string('type')
  if (type === null) fields.problem(`${fields.path}.type`, 'is missing')
  else if (type === 'rabbitmq') return readQueue(fields, index, cannot)
  else if (type === 'cpu') return readCpu(fields, index)
  else cannot.push(`${fields.path}.type ${type}: only rabbitmq and cpu can be tried here`)
  return null
}

function readQueue(fields: Fields, index: number, cannot: string[]): Trigger {
  const metadata = fields.map('metadata')
  // n.b. KEDA passes over metadata that it does not know: a slip of the pen would silently become a default.
  metadata.only(metadataNames)
  const queue = metadata.string('queueName')
  if (queue === null) fields.problem(`${metadata.path}.queueName`, 'is missing')
  const mode = metadata.string('mode') ?? 'QueueLength'
  if (mode !== 'QueueLength') cannot.push(`${metadata.path}.mode ${mode}: only QueueLength can be tried here`)
  if (isTrue(metadata, 'useRegex')) cannot.push(`${metadata.path}.useRegex: only one queue a trigger can be tried here`)
  const old = metadata.string('queueLength')
  const length = metadata.string('value')
  if (old !== null && (length !== null || metadata.has('mode'))) {
    metadata.problem(`${metadata.path}.queueLength`, 'cannot stand beside mode or value')
  }
  const given = length ?? old
  if (given === null && metadata.has('mode')) metadata.problem(`${metadata.path}.value`, 'is missing')
  const protocol = protocolOf(metadata)
  const excludeUnacknowledged = isTrue(metadata, 'excludeUnacknowledged')
  if (excludeUnacknowledged && protocol === 'amqp') {
    metadata.problem(`${metadata.path}.excludeUnacknowledged`, 'needs protocol http; amqp never counts them')
  }
  return {
    type: 'rabbitmq',
    name: fields.string('name') ?? `s${index}-rabbitmq-${queue}`,
    queue: queue ?? '',
    protocol,
    excludeUnacknowledged,
    value: numberOf(metadata, given === old ? 'queueLength' : 'value', given, 20, Number.MIN_VALUE),
    activationValue: numberOf(metadata, 'activationValue', metadata.string('activationValue'), 0, 0),
    metricType: fields.oneOf('metricType', ['AverageValue', 'Value'], 'AverageValue'),
    useCachedMetrics: fields.boolean('useCachedMetrics'),
  }
}

function protocolOf(metadata: Fields): 'http' | 'amqp' {
  const protocol = metadata.oneOf('protocol', ['auto', 'http', 'amqp'], 'auto')
  if (protocol !== 'auto') return protocol
  const host = metadata.string('host')
  if (host !== null) return host.startsWith('http') ? 'http' : 'amqp'
  metadata.problem(`${metadata.path}.protocol`, 'is missing; without it KEDA looks at a host that is not in the file')
  return 'http'
}

function readCpu(fields: Fields, index: number): Trigger {
  const metadata = fields.map('metadata')
  metadata.only(['value', 'containerName', 'activationValue'])
  const metricType = fields.oneOf('metricType', ['Utilization', 'AverageValue'], 'Utilization')
  const text = metadata.string('value')
  if (text === null) fields.problem(`${metadata.path}.value`, 'is missing')
  const thousandths = text?.endsWith('m') ?? false
  const number = numberOf(metadata, 'value', thousandths ? (text?.slice(0, -1) ?? null) : text, 1, Number.MIN_VALUE)
  const value = metricType === 'AverageValue' && !thousandths ? number * 1000 : number
  return { type: 'cpu', name: fields.string('name') ?? `s${index}-cpu`, metricType, value }
}

function numberOf(fields: Fields, name: string, text: string | null, fallback: number, min: number): number {
  if (text === null) return fallback
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value >= min) return value
  const range = min === 0 ? 'of 0 or more' : 'above 0'
  fields.problem(`${fields.path}.${name}`, `is ${JSON.stringify(text)}; expected a number ${range}`)
  return fallback
}

function isTrue(fields: Fields, name: string): boolean {
  const text = fields.string(name)
  if (text === null || text === 'false' || text === 'true') return text === 'true'
  const near = nearest(text, ['true', 'false'])
  fields.problem(
    `${fields.path}.${name}`,
    `is ${JSON.stringify(text)}; expected "true" or "false"${near ? `, perhaps ${near}` : ''}`,
  )
  return false
}
