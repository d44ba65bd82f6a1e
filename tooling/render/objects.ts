import type { Deployment } from 'kubernetes-types/apps/v1.d.ts'
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2.d.ts'
import type { ConfigMap, PersistentVolumeClaim, ServiceAccount } from 'kubernetes-types/core/v1.d.ts'
import type { ObjectMeta } from 'kubernetes-types/meta/v1.d.ts'
import type { NetworkPolicy } from 'kubernetes-types/networking/v1.d.ts'
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1.d.ts'

/** The custom resources that are rendered, as far as they are used. Strings are strings: KEDA refuses a number in metadata. */
export interface ScaledObject {
  readonly apiVersion: 'keda.sh/v1alpha1'
  readonly kind: 'ScaledObject'
  readonly metadata: ObjectMeta
  readonly spec: {
    readonly scaleTargetRef: { readonly name: string }
    readonly pollingInterval: number
    readonly cooldownPeriod: number
    readonly minReplicaCount: number
    readonly maxReplicaCount: number
    readonly fallback: { readonly failureThreshold: number; readonly replicas: number; readonly behavior: string }
    readonly advanced: { readonly horizontalPodAutoscalerConfig: { readonly behavior: unknown } }
    readonly triggers: readonly Trigger[]
  }
}
export interface ScaledJob {
  readonly apiVersion: 'keda.sh/v1alpha1'
  readonly kind: 'ScaledJob'
  readonly metadata: ObjectMeta
  readonly spec: {
    readonly jobTargetRef: { readonly backoffLimit: number; readonly template: unknown }
    readonly pollingInterval: number
    readonly maxReplicaCount: number
    readonly successfulJobsHistoryLimit: number
    readonly failedJobsHistoryLimit: number
    readonly rollout: { readonly strategy: 'gradual' }
    readonly scalingStrategy: { readonly strategy: 'default' }
    readonly triggers: readonly Trigger[]
  }
}
export interface Trigger {
  readonly type: 'rabbitmq'
  readonly name: string
  readonly metadata: Readonly<Record<string, string>>
  readonly authenticationRef: { readonly name: string }
}
interface Target {
  readonly parameter: string
  readonly name: string
  readonly key: string
}
export interface TriggerAuthentication {
  readonly apiVersion: 'keda.sh/v1alpha1'
  readonly kind: 'TriggerAuthentication'
  readonly metadata: ObjectMeta
  readonly spec: { readonly configMapTargetRef: readonly Target[]; readonly secretTargetRef: readonly Target[] }
}
export interface PodMonitor {
  readonly apiVersion: 'monitoring.coreos.com/v1'
  readonly kind: 'PodMonitor'
  readonly metadata: ObjectMeta
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> }
    readonly podMetricsEndpoints: readonly { readonly port: string; readonly path: string; readonly interval: string }[]
  }
}
export interface PrometheusRule {
  readonly apiVersion: 'monitoring.coreos.com/v1'
  readonly kind: 'PrometheusRule'
  readonly metadata: ObjectMeta
  readonly spec: { readonly groups: readonly { readonly name: string; readonly rules: readonly unknown[] }[] }
}
export interface TopologyObject {
  readonly apiVersion: 'rabbitmq.com/v1beta1'
  readonly kind: 'Vhost' | 'Queue' | 'Exchange' | 'Binding' | 'User' | 'Permission'
  readonly metadata: ObjectMeta
  readonly spec: Readonly<Record<string, unknown>> & { readonly rabbitmqClusterReference: { readonly name: string } }
}
export interface Kustomization {
  readonly apiVersion: 'kustomize.config.k8s.io/v1beta1' | 'kustomize.config.k8s.io/v1alpha1'
  readonly kind: 'Kustomization' | 'Component'
  readonly resources: readonly string[]
  readonly patches?: readonly Patch[]
}
export interface Patch {
  readonly target: { readonly kind: string; readonly name?: string }
  /** A list of changes as JSON Patch has them, in YAML. */
  readonly patch: string
}
/** One whose ConfigMaps are made of files. */
export interface GeneratedConfigMaps {
  readonly apiVersion: 'kustomize.config.k8s.io/v1beta1'
  readonly kind: 'Kustomization'
  readonly configMapGenerator: readonly { readonly name: string; readonly files: readonly string[] }[]
  readonly generatorOptions: {
    readonly disableNameSuffixHash: boolean
    readonly labels: Readonly<Record<string, string>>
  }
}

export type Rendered =
  | Deployment
  | ServiceAccount
  | ConfigMap
  | PersistentVolumeClaim
  | HorizontalPodAutoscaler
  | PodDisruptionBudget
  | NetworkPolicy
  | ScaledObject
  | ScaledJob
  | TriggerAuthentication
  | PodMonitor
  | PrometheusRule
  | TopologyObject
  | Kustomization
  | GeneratedConfigMaps
