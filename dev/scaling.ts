import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readScaledObjects } from './autoscaler/reader.ts'
import type { ScaledObject } from './autoscaler/scaled-object.ts'
import type { FleetSize } from './fleet.ts'
import type { Plan } from './plan.ts'

export interface ScalingPlan {
  /** Those of the functions that run here. */
  readonly objects: readonly ScaledObject[]
  /** How many processes each function has that is not scaled. */
  readonly fixed: ReadonlyMap<string, FleetSize>
  /** One line for each function that is not scaled, and why. */
  readonly notes: readonly string[]
}

interface Known {
  readonly management: boolean
  readonly cpu: boolean
}

/**
 * How the consumers are scaled: by what is rendered, so that what is deployed is what is tried.
 * @param known what there is to look at: the broker's queues as KEDA does it, and what processes use
 * @throws UsageError with all that is wrong in the objects
 */
export function scalingPlanOf(plans: readonly Plan[], root: string, known: Known): ScalingPlan {
  const notes: string[] = []
  const fixed = new Map<string, FleetSize>()
  const fix = (name: string, first: number, why: string): void => {
    fixed.set(name, { first, scaled: false })
    notes.push(`${name} is not scaled, it runs as ${first === 1 ? 'one process' : `${first} processes`}: ${why}`)
  }
  const consumers = plans.filter(({ kind }) => kind === 'consumer')
  const files = consumers.flatMap(({ name }) => {
    const path = `keda/base/${name}.yaml`
    const text = textOf(join(root, path))
    if (text === null) fix(name, 1, `there is no ${path}; node build.mjs --manifests renders it`)
    return text === null ? [] : [{ path, text, name }]
  })
  const read = readScaledObjects(files)
  for (const { target, replicas, because } of read.fixed) fix(target, replicas, because)
  const objects = read.objects.filter(({ target }) => consumers.some(({ name }) => name === target))
  for (const { path, name } of files) {
    if (fixed.has(name) || objects.some(({ target }) => target === name)) continue
    fix(name, 1, `no ScaledObject in ${path} has it as its scaleTargetRef`)
  }
  const needsManagement = ({ triggers }: ScaledObject): boolean =>
    triggers.some((trigger) => trigger.type === 'rabbitmq' && trigger.protocol === 'http')
  const scaled = objects.filter((object) => {
    const { target, minReplicas, triggers } = object
    const isBlind = !known.management && needsManagement(object)
    const hasNoUsage = !known.cpu && triggers.some(({ type }) => type === 'cpu')
    if (isBlind) fix(target, 1, 'the management of AMQP_URL is not known; RABBITMQ_MANAGEMENT_URL names it')
    else if (hasNoUsage)
      fix(
        target,
        Math.max(1, minReplicas),
        'a cpu trigger needs to know what a process uses, which only Linux tells here',
      )
    return !isBlind && !hasNoUsage
  })
  return { objects: scaled, fixed, notes }
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
}
