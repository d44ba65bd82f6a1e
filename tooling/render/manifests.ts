/**
 * `node build.mjs --manifests`: the specs as objects of Kubernetes and KEDA, in files that are committed.
 * Typed objects and a YAML writer, no templates: what is not an object cannot be rendered.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Document } from 'yaml'
import { FnError } from '../../runtime/core/errors.ts'
import { scalingOf } from '../../runtime/core/scaling.ts'
import { isConsumer, requiredVariables } from '../../runtime/core/spec.ts'
import { BuildError, type FunctionFacts, modulePathOf, orderedQueuesOf } from '../functions.ts'
import { alertFolder, alertKustomization, alertRules } from './alert-rules.ts'
import { dashboardFiles, dashboardFolder, dashboardKustomization } from './dashboards/files.ts'
import type { Kustomization, Patch, Rendered, TopologyObject } from './objects.ts'
import { amqpPatchesOf, cpuScalerOf, type Scaled, scaledJobOf, scalerOf } from './scaler.ts'
import { permissionPatches, topologyObjects } from './topology.ts'
import { brokerConfig, podTemplateOf, workloadOf } from './workload.ts'

/** Folders that hold rendered files alone: what is not rendered into them any more is deleted. */
const ownFolders = ['manifests/base', 'keda/base', 'manifests/optional', dashboardFolder, alertFolder]

const consumers = 'the consumers of functions/'

/**
 * Every rendered file by its path, relative to the root.
 * @throws BuildError naming every combination of numbers that cannot work, of all functions
 */
export function renderedFiles(facts: readonly FunctionFacts[], version: string): ReadonlyMap<string, string> {
  const scaled = scaledOf(facts)
  const files = new Map<string, string>()
  const put = (folder: string, name: string, objects: readonly Rendered[], source: string): void => {
    files.set(`${folder}/${name}.yaml`, yamlOf(objects, source))
  }
  const ordered = orderedQueuesOf(facts)
  const optional = facts.filter(({ spec }) => lacksValue(spec))
  const complete = facts.filter((one) => !optional.includes(one))
  for (const one of complete) put('manifests/base', one.name, workloadOf(one, version, ordered), modulePathOf(one.name))
  put('manifests/base', 'broker', [brokerConfig()], 'tooling/render/workload.ts')
  for (const one of scaled) put('keda/base', one.name, scalerOf(one), modulePathOf(one.name))
  const deployed = scaled.filter(({ name }) => complete.some((one) => one.name === name))
  const jobs = complete.flatMap((one) =>
    scaled.filter(({ name }) => name === one.name).map((of) => scaledJobOf(of, podTemplateOf(one, version))),
  )
  put('keda/scaledjob', 'jobs', jobs.flat(), consumers)
  put('keda/amqp', 'kustomization', [componentOf(['../base'], amqpPatchesOf(scaled))], consumers)
  put('keda/hpa-cpu', 'hpa', deployed.map(cpuScalerOf), consumers)
  const topology = topologyObjects(complete)
  put('manifests/overlays/rabbitmq-operator', 'topology', topology, 'the queues of functions/')
  const rules = alertRules(version)
  for (const [name, rule] of rules) put(alertFolder, name, [rule], 'tooling/render/alerts.ts')
  put(alertFolder, 'kustomization', [alertKustomization(rules.keys())], 'tooling/render/alerts.ts')
  for (const [name, text] of dashboardFiles()) files.set(`${dashboardFolder}/${name}`, text)
  put(dashboardFolder, 'kustomization', [dashboardKustomization()], 'tooling/render/dashboards')
  for (const folder of ['manifests/base', 'keda/base']) {
    const names = [...files.keys()].filter((path) => dirname(path) === folder).map((path) => basename(path))
    const resources = names.filter((name) => !optional.some((one) => `${one.name}.yaml` === name))
    put(folder, 'kustomization', [kustomizationOf(resources.sort())], 'the folder functions/')
  }
  for (const one of optional) {
    const folder = `manifests/optional/${one.name}`
    const source = modulePathOf(one.name)
    put(folder, 'workload', workloadOf(one, version, ordered), source)
    const scalers = scaled.filter(({ name }) => name === one.name).flatMap(scalerOf)
    if (scalers.length > 0) put(folder, 'scaler', scalers, source)
    put(
      folder,
      'kustomization',
      [componentOf(scalers.length > 0 ? ['scaler.yaml', 'workload.yaml'] : ['workload.yaml'])],
      source,
    )
    const known = new Set(topology.map(idOf))
    const own = topologyObjects([...complete, one]).filter((object) => !known.has(idOf(object)))
    put(`${folder}/topology`, 'topology', own, source)
    // n.b. The same for each of them, or of two that are named the second would take away what the first gave.
    const patches = permissionPatches(complete, facts)
    put(`${folder}/topology`, 'kustomization', [componentOf(['topology.yaml'], patches)], source)
  }
  return files
}

const idOf = ({ kind, metadata }: TopologyObject): string => `${kind}/${metadata.name}`

/**
 * True if the function cannot start before a person gives it a value, such as the address of their webhook: in the base it would
 * never become ready, and its queue would fill up. It is a component of its own, for overlays that have the value.
 */
const lacksValue = (spec: FunctionFacts['spec']): boolean => requiredVariables(spec).length > 0

function scaledOf(facts: readonly FunctionFacts[]): readonly Scaled[] {
  const problems: string[] = []
  const scaled = facts.flatMap(({ name, spec }): Scaled[] => {
    if (name === 'broker' || name === 'kustomization')
      problems.push(`functions/${name}: this name is taken in manifests/base`)
    if (!isConsumer(spec)) return []
    try {
      return [{ name, queue: spec.queue, scaling: scalingOf(name, spec) }]
    } catch (error) {
      if (!(error instanceof FnError)) throw error
      problems.push(error.message)
      return []
    }
  })
  problems.push(...packedUnsaid(facts))
  if (problems.length > 0) throw new BuildError(problems.join('\n'))
  return scaled
}

/** A consumer that does not know how much a message brings prefetches too much of it. */
function packedUnsaid(facts: readonly FunctionFacts[]): string[] {
  return facts.flatMap(({ name, spec }) => {
    if (!isConsumer(spec)) return []
    const { queue, linesPerMessage: said = 1 } = spec
    const packing = facts.filter((one) => !isConsumer(one.spec) && one.spec.queue === queue)
    return packing
      .filter((one) => (one.spec.linesPerMessage ?? 1) > said)
      .map((one) => {
        const packs = one.spec.linesPerMessage
        return `${name}: linesPerMessage is ${said}; expected ${packs}, for ${one.name} packs so many into a message of '${queue}'`
      })
  })
}

const kustomizationOf = (resources: readonly string[]): Kustomization => ({
  apiVersion: 'kustomize.config.k8s.io/v1beta1',
  kind: 'Kustomization',
  resources,
})
const componentOf = (resources: readonly string[], patches: readonly Patch[] = []): Kustomization => ({
  apiVersion: 'kustomize.config.k8s.io/v1alpha1',
  kind: 'Component',
  resources,
  ...(patches.length > 0 ? { patches } : {}),
})

function yamlOf(objects: readonly Rendered[], source: string): string {
  const documents = objects.map((object) =>
    new Document(object, { aliasDuplicateObjects: false }).toString({ lineWidth: 0, singleQuote: false }),
  )
  return `# Rendered from ${source} by node build.mjs --manifests: change it there.\n${documents.join('---\n')}`
}

/** Paths of files that are not what would be rendered, missing ones and leftovers included. */
export function driftOf(root: string, files: ReadonlyMap<string, string>): readonly string[] {
  const changed = [...files].filter(([path, text]) => textOf(join(root, path)) !== text).map(([path]) => path)
  return [...changed, ...leftoversOf(root, files)].sort()
}

/** Makes the files what they should be. @returns the paths that were not */
export function writeManifests(root: string, files: ReadonlyMap<string, string>): readonly string[] {
  const drift = driftOf(root, files)
  for (const path of drift) {
    const text = files.get(path)
    if (text === undefined) rmSync(join(root, path))
    else {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
  }
  return drift
}

function leftoversOf(root: string, files: ReadonlyMap<string, string>): readonly string[] {
  return ownFolders.flatMap((folder) => {
    return (
      existsSync(join(root, folder)) ? readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }) : []
    )
      .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
      .filter((path) => /[.](yaml|json)$/.test(path) && !files.has(path))
  })
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}
