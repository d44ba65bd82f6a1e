import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseAllDocuments } from 'yaml'

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

/** Every folder that kustomize can render. */
export const kustomizations = globSync('{keda,manifests}/**/kustomization.yaml', { cwd: root })
  .map((path) => dirname(path))
  .sort()

/** What `kubectl apply -k FOLDER` would apply. kubectl comes from the PATH; there is no test without it. */
export function rendered(folder: string): readonly KubernetesObject[] {
  const { status, stdout, stderr, error } = spawnSync('kubectl', ['kustomize', join(root, folder)], {
    encoding: 'utf8',
  })
  if (error)
    throw new Error('these tests need kubectl on the PATH: https://kubernetes.io/docs/tasks/tools/', { cause: error })
  if (status !== 0) throw new Error(`${folder}: ${stderr}`)
  return parseAllDocuments(stdout).map((document) => document.toJS() as KubernetesObject)
}
