import type { Deployment } from 'kubernetes-types/apps/v1.d.ts'
import type {
  ConfigMap,
  Container,
  EnvVar,
  PersistentVolumeClaim,
  PodTemplateSpec,
} from 'kubernetes-types/core/v1.d.ts'
import type { NetworkPolicy, NetworkPolicyEgressRule } from 'kubernetes-types/networking/v1.d.ts'
import { graceOf, scalingOf } from '../../runtime/core/scaling.ts'
import { isConsumer } from '../../runtime/core/spec.ts'
import type { FunctionFacts } from '../functions.ts'
import { resources } from '../resources.ts'
import type { PodMonitor, Rendered } from './objects.ts'

/** What everything that runs on one broker shares: where it is. Overlays change it in this one place. */
export const brokerConfigName = 'broker'
export const addressKey = 'AMQP_URL'
export const managementUrlKey = 'RABBITMQ_MANAGEMENT_URL'
export const defaultVhost = '/'
const namespace = 'kedafn'
const metricsPort = 9464
const uid = 65_532
const dataPath = '/data'

export type Component = 'consumer' | 'producer'
export const componentOf = ({ spec }: FunctionFacts): Component => (isConsumer(spec) ? 'consumer' : 'producer')
/** The Secret with a role's `username` and `password`. */
export const secretOf = (role: Component | 'scaler'): string => `rabbitmq-${role}`

/** What a selector may hold: it can never be changed, a version can. */
const selectorOf = (facts: FunctionFacts): Record<string, string> => ({
  'app.kubernetes.io/name': facts.name,
  'app.kubernetes.io/instance': facts.name,
  'app.kubernetes.io/component': componentOf(facts),
})
const labelsOf = (facts: FunctionFacts, version: string): Record<string, string> => ({
  ...selectorOf(facts),
  'app.kubernetes.io/part-of': 'kedafn',
  'app.kubernetes.io/version': version,
})

export function brokerConfig(): ConfigMap {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: brokerConfigName, labels: { 'app.kubernetes.io/part-of': 'kedafn' } },
    data: {
      // n.b. KEDA looks from its own namespace: the full names.
      [addressKey]: `amqp://rabbitmq.${namespace}.svc:5672`,
      AMQP_VHOST: defaultVhost,
      KEDAFN_TOPOLOGY: 'verify',
      [managementUrlKey]: `http://rabbitmq.${namespace}.svc:15672/`,
    },
  }
}

/** Everything of one function but what scales it. */
export function workloadOf(
  facts: FunctionFacts,
  version: string,
  orderedQueues: ReadonlySet<string>,
): readonly Rendered[] {
  const { name } = facts
  const metadata = { name, labels: labelsOf(facts, version) }
  const matchLabels = selectorOf(facts)
  const monitor: PodMonitor = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PodMonitor',
    metadata: { name, labels: { ...metadata.labels, release: 'prometheus-operator' } },
    spec: {
      selector: { matchLabels },
      podMetricsEndpoints: [{ port: 'metrics', path: '/metrics', interval: '15s' }],
    },
  }
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata, automountServiceAccountToken: false },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: settingsOf(facts, orderedQueues) },
    ...(usesFiles(facts) ? [claimOf(facts, version)] : []),
    deploymentOf(facts, version),
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      // n.b. minAvailable would block every node drain while there is one replica.
      spec: { maxUnavailable: 1, selector: { matchLabels }, unhealthyPodEvictionPolicy: 'AlwaysAllow' },
    },
    networkPolicyOf(facts, version),
    monitor,
  ]
}

/** By convention a variable that names a file ends in `_PATH`; a producer reads one anyway. */
const usesFiles = ({ spec }: FunctionFacts): boolean =>
  !isConsumer(spec) || Object.keys(spec.env ?? {}).some((variable) => variable.endsWith('_PATH'))

function settingsOf({ spec }: FunctionFacts, orderedQueues: ReadonlySet<string>): Record<string, string> {
  const declared = Object.entries(spec.env ?? {}).flatMap(([key, { default: standard, secret }]) =>
    standard === undefined || secret ? [] : [[key, standard] as const],
  )
  // A pod has no disk of its own: the checkpoint is in the broker.
  const own = isConsumer(spec)
    ? []
    : [
        ['INPUT_PATH', spec.source.path] as const,
        ['KEDAFN_CHECKPOINT', 'broker'] as const,
        ...(orderedQueues.has(spec.queue) ? [['KEDAFN_QUEUE_ORDERED', 'true'] as const] : []),
      ]
  return Object.fromEntries([['LOG_LEVEL', 'info'] as const, ...own, ...declared].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** n.b. One replica after the other may be on another node: several nodes need ReadWriteMany, or a file for each pod. */
function claimOf(facts: FunctionFacts, version: string): PersistentVolumeClaim {
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: claimNameOf(facts.name), labels: labelsOf(facts, version) },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  }
}
const claimNameOf = (name: string): string => `${name}-data`

function deploymentOf(facts: FunctionFacts, version: string): Deployment {
  const consumer = isConsumer(facts.spec)
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: facts.name, labels: labelsOf(facts, version) },
    spec: {
      // n.b. No `replicas` where KEDA scales: each apply would set them back.
      ...(consumer ? {} : { replicas: 1 }),
      revisionHistoryLimit: 3,
      selector: { matchLabels: selectorOf(facts) },
      strategy: consumer
        ? { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } }
        : { type: 'Recreate' },
      template: podTemplateOf(facts, version),
    },
  }
}

export function podTemplateOf(facts: FunctionFacts, version: string): PodTemplateSpec {
  const { name, spec } = facts
  const end = isConsumer(spec) ? scalingOf(name, spec) : graceOf(null)
  const files = usesFiles(facts)
  return {
    metadata: { labels: labelsOf(facts, version), ...annotationsOf(end.terminationGracePeriodSeconds) },
    spec: {
      serviceAccountName: name,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: end.terminationGracePeriodSeconds,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: uid,
        runAsGroup: uid,
        fsGroup: uid,
        fsGroupChangePolicy: 'OnRootMismatch',
        seccompProfile: { type: 'RuntimeDefault' },
      },
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'kubernetes.io/hostname',
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: { matchLabels: selectorOf(facts) },
        },
      ],
      containers: [containerOf(facts, version, end.graceMs)],
      volumes: [
        { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
        ...(files ? [{ name: 'data', persistentVolumeClaim: { claimName: claimNameOf(name) } }] : []),
      ],
    },
  }
}

/** n.b. The cluster autoscaler gives a pod 600 s at most: what may need longer must not be moved by it. */
const annotationsOf = (graceSeconds: number) =>
  graceSeconds > 600 ? { annotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false' } } : {}

function containerOf(facts: FunctionFacts, version: string, graceMs: number): Container {
  const { name } = facts
  const files = usesFiles(facts)
  return {
    name: 'function',
    image: `kedafn/${name}:${version}`,
    imagePullPolicy: 'IfNotPresent',
    env: environmentOf(facts, graceMs),
    envFrom: [{ configMapRef: { name: brokerConfigName } }, { configMapRef: { name } }],
    ...(files ? { workingDir: dataPath } : {}),
    ports: [{ name: 'metrics', containerPort: metricsPort }],
    // No CPU limit: throttled, a handler misses its heartbeats.
    resources,
    // A cold start on a busy node may take a minute; on a free one the pod counts within a second.
    startupProbe: { httpGet: { path: '/livez', port: 'metrics' }, periodSeconds: 1, failureThreshold: 60 },
    livenessProbe: {
      httpGet: { path: '/livez', port: 'metrics' },
      periodSeconds: 10,
      timeoutSeconds: 5,
      failureThreshold: 3,
    },
    readinessProbe: { httpGet: { path: '/readyz', port: 'metrics' }, periodSeconds: 5, timeoutSeconds: 5 },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    terminationMessagePolicy: 'FallbackToLogsOnError',
    volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }, ...(files ? [{ name: 'data', mountPath: dataPath }] : [])],
  }
}

/** n.b. Overlays change the names of the two Secrets by position: they come first. */
function environmentOf(facts: FunctionFacts, graceMs: number): EnvVar[] {
  const login = secretOf(componentOf(facts))
  const secrets = Object.entries(facts.spec.env ?? {}).filter(([, { secret }]) => secret)
  return [
    { name: 'AMQP_USERNAME', valueFrom: { secretKeyRef: { name: login, key: 'username' } } },
    { name: 'AMQP_PASSWORD', valueFrom: { secretKeyRef: { name: login, key: 'password' } } },
    { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    // Here and not in the ConfigMap: it belongs to terminationGracePeriodSeconds.
    { name: 'KEDAFN_GRACE_MS', value: `${graceMs}` },
    ...secrets.map(([key, { default: standard }]) => ({
      name: key,
      valueFrom: { secretKeyRef: { name: facts.name, key, ...(standard === undefined ? {} : { optional: true }) } },
    })),
  ]
}

function networkPolicyOf(facts: FunctionFacts, version: string): NetworkPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: facts.name, labels: labelsOf(facts, version) },
    spec: {
      podSelector: { matchLabels: selectorOf(facts) },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        {
          from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
          ports: [{ protocol: 'TCP', port: 'metrics' }],
        },
      ],
      egress: [
        {
          // The second is where NodeLocal DNSCache listens.
          to: [
            { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } },
            { ipBlock: { cidr: '169.254.20.10/32' } },
          ],
          ports: [
            { protocol: 'UDP', port: 53 },
            { protocol: 'TCP', port: 53 },
          ],
        },
        {
          to: [{ podSelector: { matchLabels: { 'app.kubernetes.io/name': 'rabbitmq' } } }],
          ports: [
            { protocol: 'TCP', port: 5672 },
            { protocol: 'TCP', port: 5671 },
          ],
        },
        ...endpointsOf(facts),
      ],
    },
  }
}

/** By convention a variable that names an endpoint ends in `_URL`. Its host is not known here: any, but for the cloud's own. */
function endpointsOf({ spec }: FunctionFacts): NetworkPolicyEgressRule[] {
  const ports = new Set<number>()
  for (const [key, { default: standard }] of Object.entries(spec.env ?? {})) {
    if (!key.endsWith('_URL')) continue
    if (standard !== undefined && URL.canParse(standard)) {
      const { port, protocol } = new URL(standard)
      ports.add(Number(port) || (protocol === 'http:' ? 80 : 443))
    } else for (const port of [80, 443]) ports.add(port)
  }
  if (ports.size === 0) return []
  return [
    {
      to: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['169.254.0.0/16'] } }, { ipBlock: { cidr: '::/0' } }],
      ports: [...ports].sort((a, b) => a - b).map((port) => ({ protocol: 'TCP', port })),
    },
  ]
}
