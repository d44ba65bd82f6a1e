import type { Facts, Place, Plan } from './facts.ts'
import type { Container, Deployment, ScaledJob, ScaledObject, Selector, Trigger } from './objects.ts'

/** The Deployments of a function: one, or more with their own sources or settings. */
export const deploymentsOf = ({ deployments }: Place, { name }: Plan): readonly Deployment[] =>
  deployments.filter(
    ({ metadata, spec }) =>
      metadata.name === name || spec.template.metadata?.labels?.['app.kubernetes.io/name'] === name,
  )

export const functionContainer = ({ spec }: Deployment): Container | null => {
  const { containers } = spec.template.spec
  return containers.find(({ name }) => name === 'function') ?? containers[0] ?? null
}

/** The variables of a container, as far as they stand in ConfigMaps and in the manifest itself. */
export function settingsOf({ configMaps }: Place, container: Container): Readonly<Record<string, string>> {
  const dataOf = (name: string) => configMaps.find(({ metadata }) => metadata.name === name)?.data ?? {}
  const settings: Record<string, string> = {}
  for (const { configMapRef } of container.envFrom ?? [])
    if (configMapRef) Object.assign(settings, dataOf(configMapRef.name))
  for (const { name, value, valueFrom } of container.env ?? []) {
    const reference = valueFrom?.configMapKeyRef
    const found = value ?? (reference && dataOf(reference.name)[reference.key])
    if (found !== undefined) settings[name] = found
  }
  return settings
}

/** The user that a Deployment logs in with, out of its Secret or its variables; null if that is not known. */
export function loginOf(place: Place, deployment: Deployment): string | null {
  const container = functionContainer(deployment)
  if (!container) return null
  const reference = container.env?.find(({ name }) => name === 'AMQP_USERNAME')?.valueFrom?.secretKeyRef
  if (reference) return place.secrets?.find(({ name }) => name === reference.name)?.username ?? null
  return settingsOf(place, container).AMQP_USERNAME ?? null
}

/** A trigger for a queue, with the object it is in. */
export interface PlacedTrigger {
  readonly place: Place
  readonly kind: 'ScaledObject' | 'ScaledJob'
  readonly object: ScaledObject | ScaledJob
  readonly index: number
  readonly trigger: Trigger
  /** Of the function that it scales, if it is one of this repository. */
  readonly plan: Plan | null
  /** `ScaledObject log-consumer in namespace kedafn`. */
  readonly subject: string
}

/** All RabbitMQ triggers of all places. */
export function queueTriggers({ places, functions }: Facts): readonly PlacedTrigger[] {
  return places.flatMap((place) => {
    const of = (kind: PlacedTrigger['kind'], object: ScaledObject | ScaledJob, target: string) =>
      (object.spec.triggers ?? []).flatMap((trigger, index): PlacedTrigger[] => {
        if (trigger.type !== 'rabbitmq') return []
        const plan = functions.find(({ name }) => name === target) ?? null
        return [{ place, kind, object, index, trigger, plan, subject: subjectOf(place, kind, object.metadata.name) }]
      })
    return [
      ...place.scaledObjects.flatMap((one) => of('ScaledObject', one, one.spec.scaleTargetRef?.name ?? '')),
      ...place.scaledJobs.flatMap((one) => of('ScaledJob', one, one.metadata.name)),
    ]
  })
}

export const subjectOf = (place: Place, kind: string, name: string): string => `${kind} ${name} in ${place.name}`

/** Metadata of a trigger as text; undefined if it is not there. */
export const metadataOf = ({ trigger }: Pick<PlacedTrigger, 'trigger'>, key: string): string | undefined => {
  const value = trigger.metadata?.[key]
  return value === undefined || value === null ? undefined : `${value}`
}

/** A command for a cluster, or what to change in a file. */
export const inPlace = (place: Place, command: string, change: string): string =>
  place.namespace === null ? change : `kubectl -n ${place.namespace} ${command}`

export function selects(selector: Selector | null | undefined, labels: Readonly<Record<string, string>> = {}): boolean {
  // n.b. Without a selector nothing is selected, with an empty one everything.
  if (!selector) return false
  const all = Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value)
  return (
    all &&
    (selector.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
      const value = labels[key]
      if (operator === 'Exists') return value !== undefined
      if (operator === 'DoesNotExist') return value === undefined
      const listed = value !== undefined && values.includes(value)
      return operator === 'In' ? listed : !listed
    })
  )
}
