import type { KedaFacts, Place, ScalerValue } from '../facts.ts'
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
} from '../objects.ts'
import { atLeast } from '../version.ts'
import type { Kubectl } from './kubectl.ts'

/** A cluster, or why none was looked at. */
export type ClusterLook = { readonly place: Place; readonly keda: KedaFacts } | { readonly why: string }

/** What a namespace of the cluster holds, and what KEDA says. Never rejects. */
export async function lookAtCluster(kubectl: Kubectl, namespace: string): Promise<ClusterLook> {
  // n.b. At this level kubectl tells the headers of the answer, with the API server's clock.
  const alive = await kubectl.ask('get', 'namespace', namespace, '-o', 'name', '-v=8')
  if ('why' in alive) return { why: alive.why }
  const unseen: string[] = []
  const [place, keda] = await Promise.all([placeOf(kubectl, namespace, unseen), kedaOf(kubectl)])
  return { place: { ...place, clock: clockOf(alive.said), unseen }, keda }
}

function clockOf(said: string): number | null {
  const at = Date.parse(/\bDate: (\w{3}, [\w :]+ GMT)/.exec(said)?.[1] ?? '')
  return Number.isNaN(at) ? null : at
}

async function placeOf(kubectl: Kubectl, namespace: string, unseen: string[]): Promise<Place> {
  const here = ['-n', namespace]
  type Kind = { readonly kind: string }
  const [own, keda, monitors, prometheuses, topology, secrets] = await Promise.all([
    kubectl.items<Kind>(
      'deployments.apps,pods,horizontalpodautoscalers.autoscaling,configmaps,events',
      unseen,
      ...here,
      '--show-managed-fields',
    ),
    kubectl.items<Kind>('scaledobjects.keda.sh,scaledjobs.keda.sh,triggerauthentications.keda.sh', unseen, ...here),
    kubectl.items<PodMonitor>('podmonitors.monitoring.coreos.com', unseen, ...here),
    kubectl.items<Prometheus>('prometheuses.monitoring.coreos.com', unseen, '-A'),
    kubectl.items<TopologyObject>(
      'queues.rabbitmq.com,vhosts.rabbitmq.com,users.rabbitmq.com,permissions.rabbitmq.com',
      unseen,
      ...here,
    ),
    secretsOf(kubectl, namespace, unseen),
  ])
  const of = <T>(list: readonly Kind[] | null, kind: string): readonly T[] =>
    (list ?? []).filter((one) => one.kind === kind) as unknown as readonly T[]
  return {
    kind: 'cluster',
    name: `namespace ${namespace}`,
    namespace,
    deployments: of<Deployment>(own, 'Deployment'),
    pods: of<Pod>(own, 'Pod'),
    hpas: of<HorizontalPodAutoscaler>(own, 'HorizontalPodAutoscaler'),
    configMaps: of<ConfigMap>(own, 'ConfigMap'),
    events: of<Event>(own, 'Event'),
    scaledObjects: of<ScaledObject>(keda, 'ScaledObject'),
    scaledJobs: of<ScaledJob>(keda, 'ScaledJob'),
    triggerAuthentications: of<TriggerAuthentication>(keda, 'TriggerAuthentication'),
    podMonitors: monitors ?? [],
    prometheuses: prometheuses ?? [],
    topology: topology ?? [],
    secrets,
    clock: null,
    unseen,
  }
}

/** Passwords stay where they are: of each Secret only names, labels and the user. */
const secretTemplate =
  '{{range .items}}{{printf "%q" .metadata.name}}\t{{range $k, $v := .metadata.labels}}{{printf "%q" $k}}={{printf "%q" $v}},{{end}}\t{{range $k, $v := .data}}{{printf "%q" $k}},{{end}}\t{{with .data}}{{with .username}}{{.}}{{end}}{{end}}\n{{end}}'

async function secretsOf(
  kubectl: Kubectl,
  namespace: string,
  unseen: string[],
): Promise<readonly SecretShape[] | null> {
  const answer = await kubectl.ask('get', 'secrets', '-n', namespace, '-o', `go-template=${secretTemplate}`)
  if ('why' in answer) {
    unseen.push(`secrets: ${answer.why}`)
    return null
  }
  return answer.text.split('\n').flatMap((line) => (line === '' ? [] : [secretOf(line)]))
}

const quotedTexts = (text: string): readonly string[] =>
  [...text.matchAll(/"(?:[^"\\]|\\.)*"/g)].map(([quoted]) => JSON.parse(quoted) as string)

export function secretOf(line: string): SecretShape {
  const [name = '', labels = '', keys = '', user = ''] = line.split('\t')
  const words = quotedTexts(labels)
  return {
    name: quotedTexts(name)[0] ?? '',
    labels: Object.fromEntries(words.flatMap((word, at) => (at % 2 === 0 ? [[word, words[at + 1] ?? '']] : []))),
    keys: quotedTexts(keys),
    username: user === '' ? null : Buffer.from(user, 'base64').toString(),
  }
}

/** The version and the numbers of KEDA, wherever it runs; what cannot be asked is null. */
async function kedaOf(kubectl: Kubectl): Promise<KedaFacts> {
  const found = await kubectl.items<Deployment>(
    'deployments.apps',
    [],
    '-A',
    '-l',
    'app.kubernetes.io/name=keda-operator',
  )
  const namespace = found?.find(({ status }) => status?.readyReplicas)?.metadata.namespace ?? 'keda'
  const answer = await kubectl.ask(
    'get',
    '--raw',
    `/api/v1/namespaces/${namespace}/services/keda-operator:8080/proxy/metrics`,
  )
  const metrics = 'text' in answer ? answer.text : null
  const built = /^keda_build_info\{[^}]*\bversion="([^"]+)"/m.exec(metrics ?? '')?.[1]
  const versions = [built, ...(found ?? []).map(versionOf)].filter((one) => typeof one === 'string')
  // n.b. Two of them would work against each other: the older one is what matters.
  const [version = null] = versions.sort((a, b) => (atLeast(a, b) ? 1 : -1))
  return { version, values: metrics === null ? null : valuesOf(metrics) }
}

function versionOf({ metadata, spec }: Deployment): string | null {
  const tag = /:v?(\d+\.\d+[^@]*)/.exec(spec.template.spec.containers[0]?.image ?? '')?.[1]
  return tag ?? metadata.labels?.['app.kubernetes.io/version'] ?? null
}

export function valuesOf(metrics: string): readonly ScalerValue[] {
  return metrics.split('\n').flatMap((line): ScalerValue[] => {
    const [, labels, value] = /^keda_scaler_metrics_value\{(.*)\} (\S+)/.exec(line) ?? []
    if (labels === undefined || value === undefined) return []
    const label = (name: string) => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1] ?? ''
    return [
      {
        namespace: label('namespace'),
        scaledObject: label('scaledObject'),
        metric: label('metric'),
        value: Number(value),
      },
    ]
  })
}
