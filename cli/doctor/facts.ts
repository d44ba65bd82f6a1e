import type { ErrorCode } from '../../runtime/core/errors.ts'
import type { RoleOptions } from '../../runtime/core/permissions.ts'
import type { Scaling } from '../../runtime/core/scaling.ts'
import type { Declaration } from '../../runtime/core/topology.ts'
import type { BrokerObjects } from '../topology/comparison.ts'
import type {
  ConfigMap,
  Deployment,
  Event,
  HorizontalPodAutoscaler,
  Pod,
  PodMonitor,
  Prometheus,
  ScaledJob,
  ScaledObject,
  SecretShape,
  TopologyObject,
  TriggerAuthentication,
} from './objects.ts'

/** All that is known at one moment. Adapters gather it, checks read it; nothing else is asked in between. */
export interface Facts {
  /** This machine's clock, ms since 1970. */
  readonly now: number
  /** The functions of this repository. */
  readonly functions: readonly Plan[]
  /** Why the functions could not be read. */
  readonly specProblem: string | null
  /** Rendered files that are not what the specs say. */
  readonly drift: readonly string[]
  readonly broker: BrokerFacts
  /** Where manifests stand: the files of this repository, a cluster's namespace. */
  readonly places: readonly Place[]
  readonly keda: KedaFacts
  /** The first look, when this is the second. */
  readonly before: Facts | null
}

/** What a function wants of the world, out of its spec. */
export interface Plan {
  readonly name: string
  readonly role: 'producer' | 'consumer'
  readonly queue: string
  readonly exchange: string
  readonly topology: readonly Declaration[]
  /** Of consumers. */
  readonly scaling: Scaling | null
  readonly permissions: RoleOptions
  /** It needs values from a person before it can start, so it may well not be in use. */
  readonly optional: boolean
}

/** An answer that did not come, and the code of what is wrong if that is known. */
export interface Failure {
  readonly code: ErrorCode | null
  readonly message: string
  /** HTTP status of the management. */
  readonly status?: number
}

export interface BrokerFacts {
  /** Without login. */
  readonly address: string
  readonly vhost: string
  readonly username: string
  /** Somebody said where it is: an address by default that does not answer is no fault where there is a cluster. */
  readonly chosen: boolean
  /** Why the address or the login cannot be used at all. */
  readonly unusable: string | null
  readonly amqp: AmqpFacts | Failure
  /** Null: nobody said where it is. */
  readonly management: ManagementFacts | Failure | null
}

export interface AmqpFacts {
  readonly version: string
  /** By name; a queue that is not there is null. Fresh within milliseconds. */
  readonly depths: Readonly<Record<string, { readonly ready: number; readonly consumers: number } | null>>
  /** Reasons of the first dead letters of each queue, by queue. */
  readonly dead: Readonly<Record<string, readonly DeadLetter[]>>
}

export interface DeadLetter {
  /** The runtime's code, or null where the broker itself gave the message up. */
  readonly code: string | null
  /** The broker's reason: `delivery_limit`, `expired`, `rejected`, `maxlen`. */
  readonly reason: string | null
}

export interface ManagementFacts {
  readonly version: string
  /** Statistics are off on the whole broker. */
  readonly statsDisabled: boolean
  /** The broker's clock, ms since 1970, to the second; null if it does not say. */
  readonly clock: number | null
  readonly nodes: readonly NodeFacts[]
  readonly vhostFound: boolean
  readonly objects: BrokerObjects
  readonly queues: readonly QueueFacts[]
  /** Null: the user may not see them, which takes the tag `administrator`. */
  readonly users: readonly UserFacts[] | null
  /** Names of deprecated features that are in use. */
  readonly deprecated: readonly string[]
}

export interface NodeFacts {
  readonly name: string
  readonly running: boolean
  readonly memoryAlarm: boolean
  readonly diskAlarm: boolean
}

export interface QueueFacts {
  readonly name: string
  readonly type: string
  readonly arguments: Readonly<Record<string, unknown>>
  readonly state: string | null
  readonly leader: string | null
  readonly members: readonly string[]
  readonly online: readonly string[]
  /** Null: the statistics have nothing, which KEDA reads as 0. */
  readonly messages: number | null
  readonly ready: number | null
  readonly unacked: number | null
  readonly consumers: number | null
  /** Messages a second by which it grows. */
  readonly growth: number | null
}

export interface UserFacts {
  readonly name: string
  readonly tags: readonly string[]
  /** On the vhost; null: no record, so it may not enter. */
  readonly permissions: { readonly configure: string; readonly write: string; readonly read: string } | null
}

/** Kubernetes objects that belong together. */
export interface Place {
  readonly kind: 'files' | 'cluster'
  /** `manifests/`, or `namespace kedafn`. */
  readonly name: string
  /** Null for files. */
  readonly namespace: string | null
  readonly deployments: readonly Deployment[]
  readonly scaledObjects: readonly ScaledObject[]
  readonly scaledJobs: readonly ScaledJob[]
  readonly triggerAuthentications: readonly TriggerAuthentication[]
  readonly configMaps: readonly ConfigMap[]
  readonly podMonitors: readonly PodMonitor[]
  readonly topology: readonly TopologyObject[]
  /** What only a cluster has. */
  readonly pods: readonly Pod[]
  readonly hpas: readonly HorizontalPodAutoscaler[]
  readonly events: readonly Event[]
  /** Null: they may not be listed. */
  readonly secrets: readonly SecretShape[] | null
  /** Of all namespaces. */
  readonly prometheuses: readonly Prometheus[]
  /** The API server's clock, ms since 1970; null if it does not say. */
  readonly clock: number | null
  /** What could not be asked, and why. */
  readonly unseen: readonly string[]
}

export interface KedaFacts {
  readonly version: string | null
  /** Values of `keda_scaler_metrics_value`, by namespace, ScaledObject and metric; null: its metrics cannot be read. */
  readonly values: readonly ScalerValue[] | null
}

export interface ScalerValue {
  readonly namespace: string
  readonly scaledObject: string
  readonly metric: string
  readonly value: number
}

export const isFailure = (answer: object): answer is Failure => 'message' in answer && 'code' in answer

/** The management's answer, if there is one. */
export const managementOf = ({ broker: { management } }: Facts): ManagementFacts | null =>
  management === null || isFailure(management) ? null : management

export const amqpOf = ({ broker: { amqp } }: Facts): AmqpFacts | null => (isFailure(amqp) ? null : amqp)

/** The clusters among the places: one or none. */
export const clustersOf = ({ places }: Facts): readonly (Place & { readonly namespace: string })[] =>
  places.filter((place): place is Place & { readonly namespace: string } => place.namespace !== null)
