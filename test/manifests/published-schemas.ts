/**
 * npm run test:crds -- PATH...: holds every rendered object against the schemas that the operators and Kubernetes publish, unknown fields
 * refused. A PATH is a folder with CustomResourceDefinitions, or a file `swagger.json` of Kubernetes. What has no schema there is named.
 */
import { globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { composed, type KubernetesObject, kustomizations, rendered, scalers } from './kustomizations.ts'
import type { Schema } from './schemas/shapes.ts'
import { Validation } from './validation.ts'

type Fields = Record<string, unknown>

interface Definition {
  readonly kind?: string
  readonly spec?: {
    readonly group: string
    readonly names: { readonly kind: string }
    readonly versions?: readonly { readonly name: string; readonly schema?: { readonly openAPIV3Schema: Schema } }[]
  }
}
interface Swagger {
  readonly definitions: Readonly<Record<string, Schema>>
}

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null

/** OpenAPI as JSON Schema, each object closed that names its fields. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (!isFields(schema)) return schema
  const result: Fields = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]))
  const format = schema.format
  if (schema['x-kubernetes-int-or-string'] || format === 'int-or-string') delete result.type
  if (isFields(schema.properties) && !schema['x-kubernetes-preserve-unknown-fields'] && !schema.additionalProperties) {
    result.additionalProperties = false
  }
  return result
}

function ofCustomResources(folder: string): [string, Schema][] {
  return globSync('**/*.{yaml,yml}', { cwd: folder })
    .filter((path) => readFileSync(join(folder, path), 'utf8').includes('CustomResourceDefinition'))
    .flatMap((path) => parseAllDocuments(readFileSync(join(folder, path), 'utf8')))
    .map((document) => document.toJS() as Definition | null)
    .flatMap((one): [string, Schema][] => {
      // Patches of kustomizations have the kind too, but no schema.
      if (one?.kind !== 'CustomResourceDefinition' || !one.spec?.versions) return []
      const { group, names, versions } = one.spec
      return versions.flatMap(({ name, schema }): [string, Schema][] =>
        schema ? [[`${group}/${name}/${names.kind}`, closed(schema.openAPIV3Schema) as Schema]] : [],
      )
    })
}

function ofKubernetes(file: string): [string, Schema][] {
  const { definitions } = JSON.parse(readFileSync(file, 'utf8')) as Swagger
  const all = closed(definitions) as Record<string, Fields>
  // A quantity is a string there, but a number is taken too.
  const quantity = all['io.k8s.apimachinery.pkg.api.resource.Quantity']
  if (quantity) delete quantity.type
  return Object.entries(definitions).flatMap(([name, definition]) => {
    const kinds = (definition['x-kubernetes-group-version-kind'] ?? []) as Record<
      'group' | 'version' | 'kind',
      string
    >[]
    return kinds.map(({ group, version, kind }): [string, Schema] => [
      `${group === '' ? '' : `${group}/`}${version}/${kind}`,
      { $ref: `#/definitions/${name}`, definitions: all },
    ])
  })
}

function main(paths: readonly string[]): number {
  if (paths.length === 0) {
    process.stderr.write('give folders with CustomResourceDefinitions, or a swagger.json of Kubernetes\n')
    return 2
  }
  const schemas = paths.flatMap((path) => (statSync(path).isDirectory() ? ofCustomResources(path) : ofKubernetes(path)))
  const validation = new Validation(Object.fromEntries(schemas))
  const objects: readonly KubernetesObject[] = [
    ...kustomizations.flatMap(rendered),
    ...scalers.flatMap((scaler) => composed('manifests/base', scaler)),
  ]
  const known = objects.filter((one) => validation.knows(one))
  const unknown = new Set(
    objects.filter((one) => !known.includes(one)).map(({ apiVersion, kind }) => `${apiVersion}/${kind}`),
  )
  const problems = [...new Set(known.flatMap((one) => validation.problemsOf(one)))]
  const kinds = new Set(known.map(({ apiVersion, kind }) => `${apiVersion}/${kind}`))
  process.stdout.write(`${known.length} objects of ${kinds.size} kinds, ${problems.length} problems\n`)
  if (unknown.size > 0) process.stdout.write(`no schema: ${[...unknown].sort().join(', ')}\n`)
  for (const problem of problems) process.stdout.write(`${problem}\n`)
  return problems.length === 0 && known.length > 0 ? 0 : 1
}

process.exitCode = main(process.argv.slice(2))
