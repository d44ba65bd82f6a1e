import type { Facts, Place } from '../facts.ts'
import type { Check, Finding } from '../finding.ts'
import type { ScaledObject } from '../objects.ts'
import { inPlace, subjectOf } from '../places.ts'

const rendered = 'node build.mjs --manifests'

/** A poll, and the lag of the broker's statistics. */
const lagSeconds = 8

/** What concerns the ScaledObject of a function alone. */
const objects = (
  { places, functions }: Facts,
  find: (place: Place, object: ScaledObject) => Finding | null,
): readonly Finding[] =>
  places.flatMap((place) =>
    place.scaledObjects
      .filter(({ spec }) => functions.some(({ name }) => name === spec.scaleTargetRef?.name))
      .flatMap((object) => find(place, object) ?? []),
  )

const merge = (place: Place, object: ScaledObject, spec: object): string =>
  inPlace(place, `patch scaledobject ${object.metadata.name} --type=merge -p '${JSON.stringify({ spec })}'`, rendered)

const cooldownShort: Check = {
  id: 'cooldown-short',
  title: 'a cooldown that is shorter than what the numbers of the queue lag behind',
  find: (facts) =>
    objects(facts, (place, object) => {
      const { cooldownPeriod: cooldown = 300, pollingInterval: polling = 30 } = object.spec
      if (
        cooldown > polling + lagSeconds ||
        object.spec.triggers?.some(({ metadata }) => metadata?.protocol === 'amqp')
      )
        return null
      return {
        severity: 'warning',
        subject: subjectOf(place, 'ScaledObject', object.metadata.name),
        what: `The cooldown of ${cooldown} s is no longer than a poll (${polling} s) and the lag of the broker's statistics (${lagSeconds} s).`,
        why: 'KEDA goes from N to 0 in one step, past every policy of the HPA: a short gap, or a late number, ends all replicas at once.',
        evidence: [`cooldownPeriod ${cooldown}, pollingInterval ${polling}`],
        mend: [merge(place, object, { cooldownPeriod: polling + lagSeconds + 17 })],
      }
    }),
}

const fallbackZero: Check = {
  id: 'fallback-zero',
  title: 'a fallback to no replicas',
  find: (facts) =>
    objects(facts, (place, object) => {
      if (object.spec.fallback?.replicas !== 0) return null
      return {
        severity: 'error',
        subject: subjectOf(place, 'ScaledObject', object.metadata.name),
        what: 'While KEDA cannot see the queue it scales to zero.',
        why: 'A moment without the management ends all consumers, whatever waits.',
        evidence: ['fallback.replicas is 0'],
        mend: [merge(place, object, { fallback: { replicas: 1, behavior: 'currentReplicasIfHigher' } })],
      }
    }),
}

const amqpFallback: Check = {
  id: 'amqp-fallback',
  title: 'a fallback that cannot work, as with protocol amqp',
  find: (facts) =>
    objects(facts, (place, object) => {
      const amqp = object.spec.triggers?.some(({ metadata }) => metadata?.protocol === 'amqp')
      if (!amqp || !object.spec.fallback) return null
      return {
        severity: 'note',
        subject: subjectOf(place, 'ScaledObject', object.metadata.name),
        what: 'Its fallback does nothing while the broker is away.',
        why: 'With protocol amqp KEDA cannot even make its trigger then, and leaves the replicas as they are.',
        evidence: ['protocol is amqp, and there is a fallback'],
        mend: ['keda/http in place of keda/amqp in the components of the overlay   # if that matters'],
      }
    }),
}

const pollingSlow: Check = {
  id: 'polling-slow',
  title: 'a poll so rare that the first message waits for it',
  find: (facts) =>
    objects(facts, (place, object) => {
      const { pollingInterval: polling = 30, minReplicaCount: least = 0 } = object.spec
      if (polling < 30 || least > 0) return null
      return {
        severity: 'note',
        subject: subjectOf(place, 'ScaledObject', object.metadata.name),
        what: `The first message waits up to ${polling} s until KEDA looks.`,
        why: 'Nothing pushes: what sleeps wakes with the next poll, and its number is some seconds old.',
        evidence: [`pollingInterval is ${object.spec.pollingInterval ?? 'not set, which is 30'}`],
        mend: [merge(place, object, { pollingInterval: 5 })],
      }
    }),
}

const nameLong: Check = {
  id: 'name-long',
  title: 'a name that is too long for its HPA',
  find: ({ places }) =>
    places.flatMap((place) =>
      place.scaledObjects
        .filter(({ metadata }) => metadata.name.length > 54)
        .map(({ metadata }) => ({
          severity: 'error',
          subject: subjectOf(place, 'ScaledObject', metadata.name),
          what: `Its name has ${metadata.name.length} characters; 54 is the most.`,
          why: 'KEDA puts keda-hpa- before it, and no HPA can be made with more than 63.',
          evidence: [metadata.name],
          mend: ['git mv functions/OLD functions/NEW && node build.mjs --manifests'],
        })),
    ),
}

const oldApi: Check = {
  id: 'keda-api-old',
  title: 'an API version of KEDA 1',
  find: ({ places }) =>
    places.flatMap((place) =>
      place.scaledObjects
        .filter(({ apiVersion }) => apiVersion !== undefined && apiVersion !== 'keda.sh/v1alpha1')
        .map(({ metadata, apiVersion }) => ({
          severity: 'error',
          subject: subjectOf(place, 'ScaledObject', metadata.name),
          what: `Its apiVersion is ${apiVersion}.`,
          why: 'KEDA 2 does not see it: nothing is scaled.',
          evidence: [`apiVersion: ${apiVersion}`],
          mend: [`${rendered}   # or apiVersion: keda.sh/v1alpha1, and the fields of KEDA 2`],
        })),
    ),
}

/** What stands in a ScaledObject besides its triggers. */
export const scaledObjectChecks = [cooldownShort, fallbackZero, amqpFallback, pollingSlow, nameLong, oldApi]
