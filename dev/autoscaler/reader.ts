import { UsageError } from '../arguments.ts'
import { documentsOf, Fields, nearest } from './fields.ts'
import {
  type Behavior,
  defaultBehavior,
  type Fallback,
  type FallbackBehavior,
  type Pause,
  type ScaledObject,
  type ScalingRules,
} from './scaled-object.ts'
import { readTrigger } from './triggers.ts'

/** What the files hold. */
export interface ScaledObjects {
  readonly objects: readonly ScaledObject[]
  /** Objects that are right, but ask for what cannot be tried here: their functions run at a fixed count. */
  readonly fixed: readonly { readonly target: string; readonly replicas: number; readonly because: string }[]
}

const fallbackBehaviors: readonly FallbackBehavior[] = [
  'static',
  'currentReplicas',
  'currentReplicasIfHigher',
  'currentReplicasIfLower',
]
const annotationPrefix = 'autoscaling.keda.sh/'
const annotationNames = ['paused', 'paused-replicas', 'paused-scale-in', 'paused-scale-out', 'force-activation'].map(
  (name) => annotationPrefix + name,
)
/** What a person writes, and what an API server adds. */
const metadataNames = [
  ...['name', 'namespace', 'labels', 'annotations', 'finalizers', 'ownerReferences'],
  ...['uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'],
  ...['generateName', 'managedFields', 'selfLink'],
]

/**
 * Reads every ScaledObject of some YAML files, passing over other kinds, with KEDA's defaults.
 * @throws UsageError with all problems: file, line, field, and the nearest known name
 */
export function readScaledObjects(files: readonly { readonly path: string; readonly text: string }[]): ScaledObjects {
  const problems: string[] = []
  const objects: ScaledObject[] = []
  const fixed: { target: string; replicas: number; because: string }[] = []
  const scaledBy = new Map<string, string>()
  for (const { path, text } of files) {
    for (const source of documentsOf(path, text, problems)) {
      const fields = new Fields(source, source.root, '', problems)
      if (isScaledObject(fields)) {
        const { object, cannot } = readObject(fields, problems)
        const other = scaledBy.get(object.target)
        if (other !== undefined) {
          fields.problem('spec.scaleTargetRef.name', `is ${object.target}, which ${other} scales already`)
        }
        scaledBy.set(object.target, object.name)
        const [because] = cannot
        if (because === undefined) objects.push(object)
        else fixed.push({ target: object.target, replicas: Math.max(1, object.minReplicas), because })
      }
    }
  }
  if (problems.length > 0) throw new UsageError(problems.join('\n'))
  return { objects, fixed }
}

/** n.b. a slip in the kind would silently leave a function unscaled. */
function isScaledObject(fields: Fields): boolean {
  if (!fields.present) return false
  const kind = fields.string('kind')
  if (kind === null) fields.problem('kind', 'is missing')
  else if (kind !== 'ScaledObject' && nearest(kind, ['ScaledObject', 'ScaledJob']) === 'ScaledObject') {
    fields.problem('kind', `is ${JSON.stringify(kind)}; meant is perhaps ScaledObject`)
  }
  return kind === 'ScaledObject'
}

function readObject(fields: Fields, problems: string[]) {
  const cannot: string[] = []
  fields.only(['apiVersion', 'kind', 'metadata', 'spec', 'status'])
  fields.oneOf('apiVersion', ['keda.sh/v1alpha1'], 'keda.sh/v1alpha1')
  const metadata = fields.map('metadata')
  metadata.only(metadataNames)
  const name = metadata.string('name') ?? ''
  if (name === '') metadata.problem('metadata.name', 'is missing')
  else if (name.length > 54)
    metadata.problem('metadata.name', 'is longer than 54 characters; the name of its HPA would not fit')
  const spec = fields.map('spec')
  if (!spec.present) fields.problem('spec', 'is missing')
  spec.only([
    'scaleTargetRef',
    'pollingInterval',
    'cooldownPeriod',
    'initialCooldownPeriod',
    'minReplicaCount',
    'maxReplicaCount',
    'idleReplicaCount',
    'fallback',
    'advanced',
    'triggers',
  ])
  const advanced = spec.map('advanced')
  advanced.only(['restoreToOriginalReplicaCount', 'horizontalPodAutoscalerConfig', 'scalingModifiers'])
  if (advanced.map('scalingModifiers').present)
    cannot.push('advanced.scalingModifiers: formulas are not evaluated here')
  const triggers = spec.list('triggers').map((trigger, index) => readTrigger(trigger, index, cannot))
  if (triggers.length === 0) spec.problem('spec.triggers', 'is missing or empty')
  const seconds = (field: string, fallback: number, min: number): number => spec.integer(field, fallback, min) * 1000
  const object: ScaledObject = {
    name,
    target: readTarget(spec.map('scaleTargetRef'), spec, cannot),
    pollingIntervalMs: seconds('pollingInterval', 30, 1),
    cooldownMs: seconds('cooldownPeriod', 300, 0),
    initialCooldownMs: seconds('initialCooldownPeriod', 0, 0),
    minReplicas: spec.integer('minReplicaCount', 0, 0),
    maxReplicas: spec.integer('maxReplicaCount', 100, 1),
    idleReplicas: spec.has('idleReplicaCount') ? spec.integer('idleReplicaCount', 0, 0, 0) : null,
    fallback: readFallback(spec.map('fallback'), cannot),
    behavior: readBehavior(advanced.map('horizontalPodAutoscalerConfig')),
    triggers: triggers.filter((trigger) => trigger !== null),
    ...readAnnotations(metadata.map('annotations')),
  }
  checkCounts(spec, object, problems.length > 0)
  return { object, cannot }
}

function checkCounts(spec: Fields, object: ScaledObject, hasProblems: boolean): void {
  if (hasProblems) return
  const { minReplicas, maxReplicas, idleReplicas } = object
  if (minReplicas > maxReplicas) {
    spec.problem('spec.minReplicaCount', `is ${minReplicas}; expected at most maxReplicaCount, which is ${maxReplicas}`)
  }
  if (idleReplicas !== null && idleReplicas >= minReplicas) {
    spec.problem(
      'spec.idleReplicaCount',
      `is ${idleReplicas}; expected less than minReplicaCount, which is ${minReplicas}`,
    )
  }
  if (minReplicas === 0 && object.triggers.every(({ type }) => type === 'cpu') && object.triggers.length > 0) {
    spec.problem('spec.minReplicaCount', 'is 0; expected 1 or more, since a cpu trigger cannot wake a function')
  }
}

function readTarget(fields: Fields, spec: Fields, cannot: string[]): string {
  fields.only(['name', 'kind', 'apiVersion', 'envSourceContainerName'])
  const kind = fields.string('kind') ?? 'Deployment'
  if (kind !== 'Deployment') cannot.push(`spec.scaleTargetRef.kind ${kind}: only a Deployment is run here`)
  const name = fields.string('name')
  if (name === null) spec.problem('spec.scaleTargetRef.name', 'is missing')
  return name ?? ''
}

function readFallback(fields: Fields, cannot: string[]): Fallback | null {
  if (!fields.present) return null
  fields.only(['failureThreshold', 'replicas', 'behavior'])
  for (const name of ['failureThreshold', 'replicas']) {
    if (!fields.has(name)) fields.problem(`${fields.path}.${name}`, 'is missing')
  }
  const known = [...fallbackBehaviors, 'scalingModifiers'] as const
  const behavior = fields.oneOf('behavior', known, 'static')
  if (behavior === 'scalingModifiers')
    cannot.push(`${fields.path}.behavior scalingModifiers: formulas are not evaluated here`)
  return {
    failureThreshold: fields.integer('failureThreshold', 3, 0),
    replicas: fields.integer('replicas', 1, 0),
    behavior: behavior === 'scalingModifiers' ? 'static' : behavior,
  }
}

function readBehavior(config: Fields): Behavior | null {
  config.only(['name', 'behavior'])
  const fields = config.map('behavior')
  if (!fields.present) return null
  fields.only(['scaleUp', 'scaleDown'])
  return {
    scaleUp: readRules(fields.map('scaleUp'), defaultBehavior.scaleUp),
    scaleDown: readRules(fields.map('scaleDown'), defaultBehavior.scaleDown),
  }
}

function readRules(fields: Fields, defaults: ScalingRules): ScalingRules {
  fields.only(['stabilizationWindowSeconds', 'selectPolicy', 'policies', 'tolerance'])
  const policies = fields.list('policies').map((policy) => {
    policy.only(['type', 'value', 'periodSeconds'])
    for (const name of ['type', 'value', 'periodSeconds']) {
      if (!policy.has(name)) policy.problem(`${policy.path}.${name}`, 'is missing')
    }
    return {
      type: policy.oneOf('type', ['Pods', 'Percent'], 'Pods'),
      value: policy.integer('value', 1, 1),
      periodMs: policy.integer('periodSeconds', 15, 1, 1800) * 1000,
    }
  })
  return {
    stabilizationMs: fields.integer('stabilizationWindowSeconds', defaults.stabilizationMs / 1000, 0, 3600) * 1000,
    selectPolicy: fields.oneOf('selectPolicy', ['Max', 'Min', 'Disabled'], defaults.selectPolicy),
    policies: policies.length > 0 ? policies : defaults.policies,
    tolerance: fields.quantity('tolerance', defaults.tolerance),
  }
}

/** KEDA's pauses. n.b. a flag that is no boolean counts as true there, and `paused-replicas` pauses by being there. */
function readAnnotations(fields: Fields): { pause: Pause; forceActivation: boolean } {
  const flag = (name: string): boolean => {
    const value = fields.string(`${annotationPrefix}${name}`)
    return value !== null && !/^(0|f|F|false|False|FALSE)$/.test(value)
  }
  // n.b. KEDA passes over an annotation that it does not know: a slip of the pen would pause nothing.
  fields.only(annotationNames, annotationPrefix)
  const key = `${annotationPrefix}paused-replicas`
  const count = fields.string(key)
  if (count !== null && !/^\d{1,9}$/.test(count)) {
    fields.problem(`metadata.annotations.${key}`, `is ${JSON.stringify(count)}; expected a whole number of 0 or more`)
  }
  return {
    pause: {
      all: count !== null || flag('paused'),
      replicas: count === null ? null : Number(count),
      scaleIn: flag('paused-scale-in'),
      scaleOut: flag('paused-scale-out'),
    },
    forceActivation: flag('force-activation'),
  }
}
