import { claimSpec, podSpec, podTemplate } from './pods.ts'
import {
  labels,
  list,
  metadata,
  object,
  oneOf,
  type Schema,
  selector,
  shape,
  text,
  textOrWhole,
  whole,
  yesNo,
} from './shapes.ts'

const intOrPercent = textOrWhole
const protocol = oneOf('TCP', 'UDP', 'SCTP')

const peer = shape({
  podSelector: selector,
  namespaceSelector: selector,
  ipBlock: shape({ 'cidr!': text, except: list(text) }),
})
const networkPorts = list(shape({ protocol, port: textOrWhole, endPort: whole }))

const rules = shape({
  stabilizationWindowSeconds: { type: 'integer', minimum: 0, maximum: 3600 },
  selectPolicy: oneOf('Max', 'Min', 'Disabled'),
  policies: list(shape({ 'type!': oneOf('Pods', 'Percent'), 'value!': whole, 'periodSeconds!': whole })),
})
/** Of an HPA, and of what KEDA makes one from. */
export const scalingBehavior = shape({ scaleUp: rules, scaleDown: rules })

const metricTarget = shape({
  'type!': oneOf('Utilization', 'Value', 'AverageValue'),
  averageUtilization: whole,
  averageValue: textOrWhole,
  value: textOrWhole,
})

/** The kinds of Kubernetes itself, by `apiVersion/kind`. */
export const kubernetes: Readonly<Record<string, Schema>> = {
  'v1/Namespace': object({}),
  'v1/ConfigMap': object({ data: labels, binaryData: labels, immutable: yesNo }),
  'v1/Secret': object({ data: labels, stringData: labels, type: text, immutable: yesNo }),
  'v1/ServiceAccount': object({ automountServiceAccountToken: yesNo }),
  'v1/Pod': object({ 'spec!': podSpec }),
  'v1/PersistentVolumeClaim': object({ 'spec!': claimSpec }),
  'v1/Service': object({
    'spec!': shape({
      type: oneOf('ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'),
      clusterIP: text,
      publishNotReadyAddresses: yesNo,
      selector: labels,
      ports: list(shape({ 'port!': whole, name: text, protocol, targetPort: textOrWhole, nodePort: whole })),
    }),
  }),
  'apps/v1/Deployment': object({
    'spec!': shape({
      replicas: whole,
      minReadySeconds: whole,
      progressDeadlineSeconds: whole,
      revisionHistoryLimit: whole,
      'selector!': selector,
      strategy: shape({
        type: oneOf('Recreate', 'RollingUpdate'),
        rollingUpdate: shape({ maxSurge: intOrPercent, maxUnavailable: intOrPercent }),
      }),
      'template!': podTemplate,
    }),
  }),
  'apps/v1/StatefulSet': object({
    'spec!': shape({
      'serviceName!': text,
      replicas: whole,
      podManagementPolicy: oneOf('OrderedReady', 'Parallel'),
      revisionHistoryLimit: whole,
      'selector!': selector,
      'template!': podTemplate,
      volumeClaimTemplates: list(shape({ apiVersion: text, kind: text, 'metadata!': metadata, 'spec!': claimSpec })),
    }),
  }),
  'policy/v1/PodDisruptionBudget': object({
    'spec!': shape({
      minAvailable: intOrPercent,
      maxUnavailable: intOrPercent,
      'selector!': selector,
      unhealthyPodEvictionPolicy: oneOf('IfHealthyBudget', 'AlwaysAllow'),
    }),
  }),
  'networking.k8s.io/v1/NetworkPolicy': object({
    'spec!': shape({
      'podSelector!': selector,
      policyTypes: list(oneOf('Ingress', 'Egress')),
      ingress: list(shape({ from: list(peer), ports: networkPorts })),
      egress: list(shape({ to: list(peer), ports: networkPorts })),
    }),
  }),
  'autoscaling/v2/HorizontalPodAutoscaler': object({
    'spec!': shape({
      'scaleTargetRef!': shape({ 'kind!': text, 'name!': text, apiVersion: text }),
      minReplicas: whole,
      'maxReplicas!': whole,
      behavior: scalingBehavior,
      metrics: list(
        shape({ 'type!': oneOf('Resource'), 'resource!': shape({ 'name!': text, 'target!': metricTarget }) }),
      ),
    }),
  }),
}
