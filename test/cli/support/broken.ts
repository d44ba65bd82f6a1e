import assert from 'node:assert/strict'
import type { Facts, ManagementFacts, Place, QueueFacts } from '../../../cli/doctor/facts.ts'
import type { Container, Deployment, Pod, ScaledObject, Trigger } from '../../../cli/doctor/objects.ts'
import type { Mutable } from './healthy-facts.ts'

/** Hands for breaking one thing of a healthy line. */
export type World = Mutable<Facts>

export function found<T>(thing: T | undefined | null): T {
  assert.ok(thing)
  return thing
}
export const management = ({ broker }: World) => broker.management as Mutable<ManagementFacts>
export const queue = (world: World, name: string): Mutable<QueueFacts> =>
  found(management(world).queues.find((one) => one.name === name))
export const cluster = ({ places }: World): Mutable<Place> => found(places.find(({ kind }) => kind === 'cluster'))
export const files = ({ places }: World): Mutable<Place> => found(places.find(({ kind }) => kind === 'files'))
export const scaled = (place: Mutable<Place>): Mutable<ScaledObject> =>
  found(place.scaledObjects.find(({ metadata }) => metadata.name === 'log-consumer'))
const trigger = (place: Mutable<Place>): Mutable<Trigger> => found(scaled(place).spec.triggers?.[0])
export const metadata = (place: Mutable<Place>): Record<string, unknown> => found(trigger(place).metadata)
export const deployment = (place: Mutable<Place>): Mutable<Deployment> =>
  found(place.deployments.find((one) => one.metadata.name === 'log-consumer'))
export const container = (place: Mutable<Place>): Mutable<Container> =>
  found(deployment(place).spec.template.spec.containers[0])
export const pod = (world: World): Mutable<Pod> => found(cluster(world).pods[0])
export const status = (world: World) => found(pod(world).status?.containerStatuses?.[0])
export const setEnv = (place: Mutable<Place>, name: string, value: string) => {
  const { env } = container(place)
  const own = found(env)
  const known = own.find((one) => one.name === name)
  if (known) known.value = value
  else own.push({ name, value })
}

export const inFiles = 'in the rendered manifests'
export const inCluster = 'in namespace kedafn'

export interface Case {
  readonly title: string
  readonly expected: readonly string[]
  break(world: World): unknown
}
