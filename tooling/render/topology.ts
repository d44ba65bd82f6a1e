import { retryLadder } from '../../runtime/core/backoff.ts'
import { type Permissions, permissionsOf, type Role, type RoleOptions } from '../../runtime/core/permissions.ts'
import { type ConsumerSpec, type EnvSpec, isConsumer } from '../../runtime/core/spec.ts'
import { consumerNumbers } from '../../runtime/core/spec-check.ts'
import { checkpointTopology, type Declaration, topologyOf } from '../../runtime/core/topology.ts'
import { BuildError, type FunctionFacts } from '../functions.ts'
import type { Patch, TopologyObject } from './objects.ts'
import { replacement } from './patches.ts'
import { componentOf, secretOf } from './workload.ts'

/** The name of the RabbitmqCluster, and of the vhost. */
const cluster = 'rabbitmq'
const operatorVhost = 'kedafn'
type Kind = TopologyObject['kind']

/**
 * What the functions' queues are made of, as objects of the messaging topology operator, with the arguments that the runtime
 * would declare: redeclared with others, a queue is refused.
 * @throws BuildError if two names become one as names of objects, or two consumers want one queue differently
 */
export function topologyObjects(facts: readonly FunctionFacts[]): readonly TopologyObject[] {
  const declared = new Map<string, TopologyObject>()
  const add = (objects: readonly TopologyObject[], same: (a: TopologyObject, b: TopologyObject) => boolean): void => {
    for (const object of objects) {
      const key = `${object.kind}/${object.metadata.name}`
      const before = declared.get(key)
      if (before === undefined) declared.set(key, object)
      else if (!same(before, object)) {
        throw new BuildError(`two functions declare ${key} differently: ${JSON.stringify([before.spec, object.spec])}`)
      }
    }
  }
  const [consumers, producers] = (['consumer', 'producer'] as const).map((kind) =>
    facts.filter((one) => componentOf(one) === kind).flatMap((one) => declarationsOf(one).map(objectOf)),
  ) as [TopologyObject[], TopologyObject[]]
  add(consumers, (a, b) => JSON.stringify(a) === JSON.stringify(b))
  // Only the consumer knows whether its queue is ordered.
  add(producers, (a, b) => a.spec.name === b.spec.name)
  return [
    make('Vhost', operatorVhost, { name: operatorVhost, defaultQueueType: 'quorum', deletionPolicy: 'retain' }),
    ...declared.values(),
    ...usersOf(facts),
  ]
}

/** What the logins that serve `before` lack to serve `after`. */
export function permissionPatches(before: readonly FunctionFacts[], after: readonly FunctionFacts[]): readonly Patch[] {
  const [given, needed] = [before, after].map((facts) => usersOf(facts).filter(({ kind }) => kind === 'Permission'))
  return (needed ?? []).flatMap(({ metadata: { name = '' }, spec: { permissions } }) => {
    const now = given?.find(({ metadata }) => metadata.name === name)?.spec.permissions as Permissions
    const more = Object.entries(permissions as Permissions).filter(
      ([key, pattern]) => now[key as keyof Permissions] !== pattern,
    )
    if (more.length === 0) return []
    const values = Object.fromEntries(more.map(([key, pattern]) => [`/spec/permissions/${key}`, pattern]))
    return [replacement({ kind: 'Permission', name }, values)]
  })
}

const make = (kind: Kind, name: string, spec: Record<string, unknown>): TopologyObject => ({
  apiVersion: 'rabbitmq.com/v1beta1',
  kind,
  metadata: { name: objectName(name), labels: { 'app.kubernetes.io/part-of': 'kedafn' } },
  spec: { ...spec, rabbitmqClusterReference: { name: cluster } },
})

/** Names of queues may hold capitals and `_`, those of objects may not. */
const objectName = (name: string): string => name.toLowerCase().replaceAll('_', '-')

/** What a function wants declared: all that its objects are made of. */
export function declarationsOf({ name, spec }: FunctionFacts): readonly Declaration[] {
  const exchange = spec.exchange ?? spec.queue
  if (!isConsumer(spec)) return [...topologyOf(spec.queue, exchange), checkpointTopology(spec.queue, name)]
  const ordered = spec.order !== undefined
  return topologyOf(spec.queue, exchange, ordered ? [] : retryDelaysOf(spec), ordered)
}

function retryDelaysOf(spec: ConsumerSpec<unknown, EnvSpec, unknown>): readonly number[] {
  const number = consumerNumbers(spec)
  return retryLadder({
    attempts: number('attempts'),
    firstDelayMs: number('firstDelayMs'),
    maxDelayMs: number('maxDelayMs'),
  })
}

function objectOf(declaration: Declaration): TopologyObject {
  if (declaration.kind === 'exchange') {
    const { name, type } = declaration
    return make('Exchange', name, { name, vhost: operatorVhost, type, durable: true, autoDelete: false })
  }
  if (declaration.kind === 'binding') {
    const { exchange: source, queue: destination } = declaration
    const spec = { vhost: operatorVhost, source, destination, destinationType: 'queue', routingKey: '' }
    return make('Binding', `${source}.to.${destination}`, spec)
  }
  const { 'x-queue-type': type, ...rest } = declaration.arguments
  return make('Queue', declaration.name, {
    name: declaration.name,
    vhost: operatorVhost,
    type,
    durable: true,
    autoDelete: false,
    // n.b. The default deletes the queue, and all that is in it, with its object.
    deletionPolicy: 'retain',
    arguments: rest,
  })
}

/** One login for each role, which may do what the functions of that role need together. The operator makes the passwords. */
function usersOf(facts: readonly FunctionFacts[]): readonly TopologyObject[] {
  const consumers = facts.filter((one) => componentOf(one) === 'consumer')
  const producers = facts.filter((one) => componentOf(one) === 'producer')
  return [
    ...userOf('producer', [], producers),
    ...userOf('consumer', [], consumers),
    // n.b. Without the tag the management API does not answer KEDA.
    ...userOf('scaler', ['management'], consumers),
  ]
}

function userOf(role: Role, tags: readonly string[], facts: readonly FunctionFacts[]): readonly TopologyObject[] {
  const all = facts.map((one) => permissionsOf(role, roleOptionsOf(role, one)))
  const union = (key: keyof Permissions): string => unionOf(all.map((permissions) => permissions[key]))
  const permissions = { configure: union('configure'), write: union('write'), read: union('read') }
  const name = secretOf(role)
  return [
    make('User', name, { tags }),
    make('Permission', name, { vhost: operatorVhost, userReference: { name }, permissions }),
  ]
}

const roleOptionsOf = (role: Role, { name, spec }: FunctionFacts): RoleOptions => ({
  queue: spec.queue,
  exchange: spec.exchange ?? spec.queue,
  topology: 'verify',
  ...(role === 'producer' ? { checkpoint: 'broker', source: name } : {}),
})

function unionOf(patterns: readonly string[]): string {
  const some = [...new Set(patterns)].filter((pattern) => pattern !== '^$')
  if (some.length <= 1) return some[0] ?? '^$'
  return `^(${some.map((pattern) => pattern.slice(1, -1)).join('|')})$`
}
