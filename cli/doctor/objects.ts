/** What is read of Kubernetes objects, whether they come from files or from a cluster. All of it may be absent: people write these. */

export interface Metadata {
  readonly name: string
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly creationTimestamp?: string
  readonly deletionTimestamp?: string
  readonly managedFields?: readonly ManagedField[]
}

interface ManagedField {
  readonly manager?: string
  readonly operation?: string
  readonly subresource?: string
  readonly fieldsV1?: { readonly 'f:spec'?: Readonly<Record<string, unknown>> }
}

export interface Container {
  readonly name: string
  readonly image?: string
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: ValueFrom }[]
  readonly envFrom?: readonly { readonly configMapRef?: { readonly name: string } }[]
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[]
  readonly livenessProbe?: Probe
  readonly startupProbe?: Probe
}

interface ValueFrom {
  readonly configMapKeyRef?: { readonly name: string; readonly key: string }
  readonly secretKeyRef?: { readonly name: string; readonly key: string }
}

export interface Probe {
  readonly initialDelaySeconds?: number
  readonly periodSeconds?: number
  readonly failureThreshold?: number
}

export interface PodSpec {
  readonly containers: readonly Container[]
  readonly terminationGracePeriodSeconds?: number
}

export interface Deployment {
  readonly metadata: Metadata
  readonly spec: {
    readonly replicas?: number
    readonly template: { readonly metadata?: Partial<Metadata>; readonly spec: PodSpec }
  }
  readonly status?: { readonly replicas?: number; readonly readyReplicas?: number }
}

export interface Ended {
  readonly reason?: string
  readonly exitCode?: number
  readonly message?: string
  readonly startedAt?: string
  readonly finishedAt?: string
}

export interface ContainerStatus {
  readonly name: string
  readonly image?: string
  readonly ready?: boolean
  readonly restartCount?: number
  readonly state?: {
    readonly waiting?: { readonly reason?: string; readonly message?: string }
    readonly running?: { readonly startedAt?: string }
    readonly terminated?: Ended
  }
  readonly lastState?: { readonly terminated?: Ended }
}

export interface Condition {
  readonly type: string
  readonly status: string
  readonly reason?: string
  readonly message?: string
  readonly lastTransitionTime?: string
}

export interface Pod {
  readonly metadata: Metadata
  readonly spec: PodSpec
  readonly status?: {
    readonly phase?: string
    readonly reason?: string
    readonly startTime?: string
    readonly conditions?: readonly Condition[]
    readonly containerStatuses?: readonly ContainerStatus[]
  }
}

export interface Trigger {
  readonly type: string
  readonly name?: string
  readonly metadata?: Readonly<Record<string, unknown>>
  readonly authenticationRef?: { readonly name: string; readonly kind?: string }
}

export interface ScaledObject {
  readonly apiVersion?: string
  readonly metadata: Metadata
  readonly spec: {
    readonly scaleTargetRef?: { readonly name: string }
    readonly pollingInterval?: number
    readonly cooldownPeriod?: number
    readonly minReplicaCount?: number
    readonly maxReplicaCount?: number
    readonly fallback?: { readonly replicas?: number }
    readonly triggers?: readonly Trigger[]
  }
  readonly status?: {
    readonly conditions?: readonly Condition[]
    readonly hpaName?: string
    /** By metric. */
    readonly health?: Readonly<Record<string, { readonly status?: string; readonly numberOfFailures?: number }>>
  }
}

export interface ScaledJob {
  readonly metadata: Metadata
  readonly spec: {
    readonly triggers?: readonly Trigger[]
    readonly rollout?: { readonly strategy?: string }
    readonly scalingStrategy?: { readonly strategy?: string }
  }
}

interface Target {
  readonly parameter: string
  readonly name: string
  readonly key: string
}

export interface TriggerAuthentication {
  readonly metadata: Metadata
  readonly spec: { readonly secretTargetRef?: readonly Target[]; readonly configMapTargetRef?: readonly Target[] }
}

export interface ConfigMap {
  readonly metadata: Metadata
  readonly data?: Readonly<Record<string, string>>
}

export interface PodMonitor {
  readonly metadata: Metadata
  readonly spec: {
    readonly selector?: Selector
    readonly podMetricsEndpoints?: readonly { readonly port?: string; readonly targetPort?: number | string }[]
  }
}

export interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>
  readonly matchExpressions?: readonly {
    readonly key: string
    readonly operator: string
    readonly values?: readonly string[]
  }[]
}

export interface Prometheus {
  readonly metadata: Metadata
  readonly spec: { readonly podMonitorSelector?: Selector | null }
}

export interface HorizontalPodAutoscaler {
  readonly metadata: Metadata
  readonly spec: {
    readonly scaleTargetRef: { readonly kind?: string; readonly name: string }
    readonly maxReplicas: number
  }
  readonly status?: {
    readonly currentReplicas?: number
    readonly desiredReplicas?: number
    readonly conditions?: readonly Condition[]
  }
}

export interface Event {
  readonly metadata: Metadata
  readonly involvedObject: { readonly kind?: string; readonly name?: string }
  readonly type?: string
  readonly reason?: string
  readonly message?: string
  readonly lastTimestamp?: string | null
  readonly eventTime?: string | null
}

/** An object of the messaging topology operator. */
export interface TopologyObject {
  readonly kind: string
  readonly metadata: Metadata
  readonly spec: {
    readonly name?: string
    readonly deletionPolicy?: string
    readonly importCredentialsSecret?: { readonly name: string }
    readonly rabbitmqClusterReference?: { readonly connectionSecret?: { readonly name: string } }
  }
  readonly status?: { readonly conditions?: readonly Condition[] }
}

/** A Secret without what is secret in it. */
export interface SecretShape {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly keys: readonly string[]
  /** Its `username`, if it has one. */
  readonly username: string | null
}
