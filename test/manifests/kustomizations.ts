import { spawnSync } from 'node:child_process'
import { globSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { keda } from './schemas/keda.ts'
import { kubernetes } from './schemas/kubernetes.ts'
import { operators } from './schemas/operators.ts'
import { Validation } from './validation.ts'

const root = join(import.meta.dirname, '..', '..')

/** What of an object the tests look at. */
export interface KubernetesObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> }
  // biome-ignore lint/suspicious/noExplicitAny: objects of every kind, as they come from kubectl
  readonly spec?: any
  readonly data?: Record<string, string>
}

/** The fields of every kind that is rendered. */
export const validation = new Validation({ ...kubernetes, ...keda, ...operators })

/** Every folder that kustomize can render. */
export const kustomizations = globSync('{keda,manifests}/**/kustomization.yaml', { cwd: root })
  .map((path) => dirname(path))
  .sort()

/** The components that scale: each can be set upon any workload. */
export const scalers = kustomizations.filter((folder) => folder.startsWith('keda/') && folder !== 'keda/base')

/** What a kustomization of one resource and one component renders. */
export function composed(resource: string, component: string): readonly KubernetesObject[] {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'kedafn-composed-'))
  try {
    const [resources, components] = [resource, component].map((path) => [
      relative(folder, join(realpathSync(root), path)),
    ])
    const kustomization = {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources,
      components,
    }
    writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization))
    return rendered(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const known = new Map<string, readonly KubernetesObject[]>()

/** What `kubectl apply -k FOLDER` would apply; nobody changes it. kubectl comes from the PATH; there is no test without it. */
export function rendered(folder: string): readonly KubernetesObject[] {
  const objects = known.get(folder) ?? render(folder)
  known.set(folder, objects)
  return objects
}

function render(folder: string): readonly KubernetesObject[] {
  const { status, stdout, stderr, error } = spawnSync('kubectl', ['kustomize', resolve(root, folder)], {
    encoding: 'utf8',
  })
  if (error)
    throw new Error('these tests need kubectl on the PATH: https://kubernetes.io/docs/tasks/tools/', { cause: error })
  if (status !== 0) throw new Error(`${folder}: ${stderr}`)
  return parseAllDocuments(stdout).map((document) => document.toJS() as KubernetesObject)
}
