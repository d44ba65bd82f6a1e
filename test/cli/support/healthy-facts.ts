import { join } from 'node:path'
import type { Facts, ManagementFacts, Place } from '../../../cli/doctor/facts.ts'
import { renderedPlace } from '../../../cli/doctor/gather/files.ts'
import { readSpecs } from '../../../cli/doctor/gather/gather.ts'
import type { BrokerObjects } from '../../../cli/topology/comparison.ts'
import { wantedOf } from '../../../cli/topology/wanted.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const at = Date.parse('2026-11-28T12:00:00Z')

/** Everything in it may be changed, so that a test can break one thing. */
export type Mutable<T> = T extends readonly (infer E)[]
  ? Mutable<E>[]
  : T extends object
    ? { -readonly [K in keyof T]: Mutable<T[K]> }
    : T

const specs = await readSpecs({ root, env: {} })
const files = renderedPlace(root)

/** What the rendered manifests are in a cluster where two replicas work. */
function clusterPlace(): Place {
  const { deployments } = files
  const status = { replicas: 2, readyReplicas: 2 }
  return {
    ...files,
    kind: 'cluster',
    name: 'namespace kedafn',
    namespace: 'kedafn',
    deployments: deployments.map((one) => ({ ...one, status })),
    scaledObjects: files.scaledObjects
      .filter(({ metadata }) => deployments.some((one) => one.metadata.name === metadata.name))
      .map((one) => ({
        ...one,
        status: {
          hpaName: `keda-hpa-${one.metadata.name}`,
          conditions: [{ type: 'Ready', status: 'True', reason: 'ScaledObjectReady' }],
        },
      })),
    pods: deployments.map((one) => ({
      metadata: { name: `${one.metadata.name}-5d8f7c9b4-abcde` },
      spec: one.spec.template.spec,
      status: {
        phase: 'Running',
        conditions: [{ type: 'PodScheduled', status: 'True' }],
        containerStatuses: [
          {
            name: 'function',
            ready: true,
            restartCount: 0,
            image: one.spec.template.spec.containers[0]?.image ?? '',
            state: { running: {} },
          },
        ],
      },
    })),
    hpas: [
      {
        metadata: { name: 'keda-hpa-log-consumer' },
        spec: { scaleTargetRef: { kind: 'Deployment', name: 'log-consumer' }, maxReplicas: 10 },
        status: { currentReplicas: 2, desiredReplicas: 2, conditions: [] },
      },
    ],
    secrets: ['producer', 'consumer', 'scaler'].map((role) => ({
      name: `rabbitmq-${role}`,
      labels: {},
      keys: ['username', 'password'],
      username: role,
    })),
    prometheuses: [
      {
        metadata: { name: 'p', namespace: 'monitoring' },
        spec: { podMonitorSelector: { matchLabels: { release: 'prometheus-operator' } } },
      },
    ],
    clock: at,
  }
}

const objectsOf = (): BrokerObjects => {
  const wanted = wantedOf(specs.functions.filter(({ optional }) => !optional))
  return {
    exchanges: wanted.flatMap((one) =>
      one.kind === 'exchange' ? [{ name: one.name, type: one.type, durable: true, arguments: {} }] : [],
    ),
    queues: wanted.flatMap((one) =>
      one.kind === 'queue' ? [{ name: one.name, durable: true, arguments: one.arguments }] : [],
    ),
    bindings: wanted.flatMap((one) =>
      one.kind === 'binding' ? [{ source: one.exchange, destination: one.queue, destinationType: 'queue' }] : [],
    ),
  }
}

function management(): ManagementFacts {
  const objects = objectsOf()
  return {
    version: '4.3.6',
    statsDisabled: false,
    clock: at,
    nodes: [{ name: 'rabbit@one', running: true, memoryAlarm: false, diskAlarm: false }],
    vhostFound: true,
    objects,
    queues: objects.queues.map(({ name, arguments: args }) => ({
      name,
      type: `${args['x-queue-type']}`,
      arguments: args,
      state: 'running',
      leader: 'rabbit@one',
      members: ['rabbit@one'],
      online: ['rabbit@one'],
      messages: 0,
      ready: 0,
      unacked: 0,
      consumers: name === 'logs' ? 2 : 0,
      growth: 0,
    })),
    users: ['producer', 'consumer', 'scaler', 'guest'].map((name) => ({
      name,
      tags: name === 'scaler' ? ['management'] : [],
      permissions: { configure: '.*', write: '.*', read: '.*' },
    })),
    deprecated: [],
  }
}

/** A line on which all is well, as doctor sees it: this repository's functions and manifests, a broker and a cluster. */
export function healthyFacts(): Mutable<Facts> {
  const facts: Facts = {
    now: at,
    ...specs,
    broker: {
      address: 'rabbitmq:5672',
      vhost: '/',
      username: 'guest',
      chosen: true,
      unusable: null,
      amqp: {
        version: '4.3.6',
        depths: { logs: { ready: 0, consumers: 2 }, 'logs.dead': { ready: 0, consumers: 0 } },
        dead: {},
      },
      management: management(),
    },
    places: [files, clusterPlace()],
    keda: { version: '2.20.2', values: [] },
    before: null,
  }
  // n.b. A structured clone would share between file and cluster what they share here.
  return JSON.parse(JSON.stringify(facts)) as Mutable<Facts>
}
