import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2.d.ts'
import type { PodTemplateSpec } from 'kubernetes-types/core/v1.d.ts'
import type { Scaling } from '../../runtime/core/scaling.ts'
import type { Patch, Rendered, ScaledJob, ScaledObject, Trigger, TriggerAuthentication } from './objects.ts'
import { replacement } from './patches.ts'
import { addressKey, brokerConfigName, defaultVhost, managementUrlKey, secretOf } from './workload.ts'

/** A consumer, with what scales it. */
export interface Scaled {
  readonly name: string
  readonly queue: string
  readonly scaling: Scaling
}

const partOf = { 'app.kubernetes.io/part-of': 'kedafn' }
const metadataOf = (name: string) => ({ name, labels: { 'app.kubernetes.io/name': name, ...partOf } })

/**
 * n.b. Metadata that KEDA does not know passes in silence: the tests hold it against the scaler's options. The trigger's name is what
 * KEDA's metrics have as `scaler`: the queue, by which a dashboard finds the broker's numbers.
 */
const triggerOf = ({ name, queue }: Scaled, value: number): Trigger => ({
  type: 'rabbitmq',
  name: queue,
  metadata: { protocol: 'http', vhostName: defaultVhost, queueName: queue, mode: 'QueueLength', value: `${value}` },
  authenticationRef: { name },
})

/** Where the broker is, and who looks at it: no address in the ScaledObject, no secret in an address. */
const authenticationOf = ({ name }: Scaled): TriggerAuthentication => ({
  apiVersion: 'keda.sh/v1alpha1',
  kind: 'TriggerAuthentication',
  metadata: metadataOf(name),
  spec: {
    configMapTargetRef: [{ parameter: 'host', name: brokerConfigName, key: managementUrlKey }],
    secretTargetRef: [
      { parameter: 'username', name: secretOf('scaler'), key: 'username' },
      { parameter: 'password', name: secretOf('scaler'), key: 'password' },
    ],
  },
})

export function scalerOf(scaled: Scaled): readonly Rendered[] {
  const { name, scaling } = scaled
  const { min, max, pollingSeconds, cooldownSeconds, value } = scaling
  const object: ScaledObject = {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata: metadataOf(name),
    spec: {
      scaleTargetRef: { name },
      pollingInterval: pollingSeconds,
      cooldownPeriod: cooldownSeconds,
      minReplicaCount: min,
      maxReplicaCount: max,
      // n.b. 0 would let KEDA scale to zero while it cannot see the queue.
      fallback: { failureThreshold: 3, replicas: Math.max(1, min), behavior: 'currentReplicasIfHigher' },
      advanced: {
        horizontalPodAutoscalerConfig: {
          behavior: {
            scaleUp: { stabilizationWindowSeconds: 0 },
            scaleDown: {
              stabilizationWindowSeconds: 60,
              policies: [{ type: 'Percent', value: 50, periodSeconds: 30 }],
            },
          },
        },
      },
      triggers: [triggerOf(scaled, value)],
    },
  }
  return [authenticationOf(scaled), object]
}

/** What KEDA's `amqp` needs otherwise: it sees no delivery that is being handled, so each function's own time must pass first. */
export const amqpPatchesOf = (all: readonly Scaled[]): readonly Patch[] => [
  replacement({ kind: 'ScaledObject' }, { '/spec/triggers/0/metadata/protocol': 'amqp' }),
  replacement({ kind: 'TriggerAuthentication' }, { '/spec/configMapTargetRef/0/key': addressKey }),
  ...all.map(({ name, scaling }) =>
    replacement({ kind: 'ScaledObject', name }, { '/spec/cooldownPeriod': scaling.cooldownReadySeconds }),
  ),
]

/** Of the CPU request, in percent. n.b. keda/cpu has the same number, and a test holds the two together. */
const cpuUtilization = 800

/** Without KEDA: from one replica on, since the HPA of most clusters cannot go to zero. */
export const cpuScalerOf = ({ name, scaling: { min, max } }: Scaled): HorizontalPodAutoscaler => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: metadataOf(name),
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
    minReplicas: Math.max(1, min),
    maxReplicas: max,
    metrics: [
      {
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: cpuUtilization } },
      },
    ],
  },
})

/** One Job for each message; KEDA never ends a Job that runs. */
export function scaledJobOf(scaled: Scaled, template: PodTemplateSpec): readonly Rendered[] {
  const { name, scaling } = scaled
  const job: ScaledJob = {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledJob',
    metadata: metadataOf(name),
    spec: {
      jobTargetRef: { backoffLimit: 0, template: jobTemplateOf(template) },
      pollingInterval: scaling.pollingSeconds,
      maxReplicaCount: scaling.max,
      successfulJobsHistoryLimit: 5,
      failedJobsHistoryLimit: 5,
      // n.b. The default deletes Jobs that run on each change of the ScaledJob.
      rollout: { strategy: 'gradual' },
      scalingStrategy: { strategy: 'default' },
      triggers: [triggerOf(scaled, 1)],
    },
  }
  return [authenticationOf(scaled), job]
}

function jobTemplateOf({ metadata = {}, spec }: PodTemplateSpec): PodTemplateSpec {
  const one = ['KEDAFN_MAX_DELIVERIES', 'KEDAFN_BATCH_SIZE', 'KEDAFN_CONCURRENCY'].map((name) => ({ name, value: '1' }))
  const containers = (spec?.containers ?? []).map((container) => ({
    ...container,
    env: [...(container.env ?? []), ...one],
  }))
  return { metadata, spec: { ...spec, restartPolicy: 'Never', containers } }
}
