import { scalingBehavior } from './kubernetes.ts'
import { podTemplate } from './pods.ts'
import { labels, list, object, oneOf, type Schema, shape, text, whole, yesNo } from './shapes.ts'

const trigger = shape({
  'type!': text,
  name: text,
  // n.b. Strings all: KEDA's webhook refuses a number.
  'metadata!': labels,
  metricType: oneOf('AverageValue', 'Value', 'Utilization'),
  useCachedMetrics: yesNo,
  authenticationRef: shape({ 'name!': text, kind: oneOf('TriggerAuthentication', 'ClusterTriggerAuthentication') }),
})
const triggers = { ...list(trigger), minItems: 1 }

const target = list(shape({ 'parameter!': text, 'name!': text, 'key!': text }))

/** KEDA's kinds. */
export const keda: Readonly<Record<string, Schema>> = {
  'keda.sh/v1alpha1/ScaledObject': object({
    'spec!': shape({
      'scaleTargetRef!': shape({ 'name!': text, apiVersion: text, kind: text, envSourceContainerName: text }),
      pollingInterval: whole,
      initialCooldownPeriod: whole,
      cooldownPeriod: whole,
      idleReplicaCount: whole,
      minReplicaCount: whole,
      maxReplicaCount: whole,
      fallback: shape({
        'failureThreshold!': whole,
        'replicas!': whole,
        behavior: oneOf('static', 'currentReplicas', 'currentReplicasIfHigher', 'currentReplicasIfLower'),
      }),
      advanced: shape({
        restoreToOriginalReplicaCount: yesNo,
        horizontalPodAutoscalerConfig: shape({ name: text, behavior: scalingBehavior }),
      }),
      'triggers!': triggers,
    }),
  }),
  'keda.sh/v1alpha1/ScaledJob': object({
    'spec!': shape({
      'jobTargetRef!': shape({
        parallelism: whole,
        completions: whole,
        activeDeadlineSeconds: whole,
        backoffLimit: whole,
        ttlSecondsAfterFinished: whole,
        'template!': podTemplate,
      }),
      pollingInterval: whole,
      minReplicaCount: whole,
      maxReplicaCount: whole,
      successfulJobsHistoryLimit: whole,
      failedJobsHistoryLimit: whole,
      envSourceContainerName: text,
      rollout: shape({ strategy: oneOf('default', 'gradual'), propagationPolicy: text }),
      scalingStrategy: shape({ strategy: oneOf('default', 'custom', 'accurate', 'eager') }),
      'triggers!': triggers,
    }),
  }),
  'keda.sh/v1alpha1/TriggerAuthentication': object({
    'spec!': shape({ configMapTargetRef: target, secretTargetRef: target }),
  }),
}
