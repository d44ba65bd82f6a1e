import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { UsageError } from '../../command.ts'
import type { Place } from '../facts.ts'
import type { Metadata } from '../objects.ts'
import type { Kubectl } from './kubectl.ts'

interface AnyObject {
  readonly kind?: string
  readonly apiVersion?: string
  readonly metadata?: Metadata
}

/** What every function has rendered, without an overlay. */
const rendered = ['manifests/base/*.yaml', 'keda/base/*.yaml', 'manifests/overlays/rabbitmq-operator/topology.yaml']

/** The rendered files of a repository. */
export function renderedPlace(root: string): Place {
  const paths = rendered.flatMap((pattern) => globSync(pattern, { cwd: root })).sort()
  return placeOf(
    'the rendered manifests',
    paths.flatMap((path) => objectsIn(readFileSync(join(root, path), 'utf8'))),
  )
}

/** What `kubectl apply -k FOLDER` would apply. */
export async function overlayPlace(folder: string, shown: string, kubectl: Kubectl): Promise<Place> {
  if (!existsSync(join(folder, 'kustomization.yaml'))) throw new UsageError(`${shown} has no kustomization.yaml`)
  const answer = await kubectl.ask('kustomize', folder)
  if ('why' in answer) throw new UsageError(`${shown} cannot be rendered: ${answer.why}`)
  return placeOf(shown, objectsIn(answer.text))
}

const objectsIn = (text: string): readonly AnyObject[] =>
  parseAllDocuments(text).flatMap((document) => {
    const object = document.toJS() as AnyObject | null
    return object?.metadata ? [object] : []
  })

function placeOf(name: string, objects: readonly AnyObject[]): Place {
  const of = <T>(kind: string): readonly T[] => objects.filter((one) => one.kind === kind) as unknown as readonly T[]
  return {
    kind: 'files',
    name,
    namespace: null,
    deployments: of('Deployment'),
    scaledObjects: of('ScaledObject'),
    scaledJobs: of('ScaledJob'),
    triggerAuthentications: of('TriggerAuthentication'),
    configMaps: of('ConfigMap'),
    podMonitors: of('PodMonitor'),
    topology: objects.filter(({ apiVersion }) => apiVersion === 'rabbitmq.com/v1beta1') as unknown as Place['topology'],
    pods: [],
    hpas: of('HorizontalPodAutoscaler'),
    events: [],
    secrets: null,
    prometheuses: [],
    clock: null,
    unseen: [],
  }
}
