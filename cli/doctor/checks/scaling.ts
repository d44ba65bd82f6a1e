import { amqpOf, clustersOf, type Facts, managementOf, type Place } from '../facts.ts'
import type { Check, Finding } from '../finding.ts'
import type { ScaledObject } from '../objects.ts'
import { metadataOf, queueTriggers, subjectOf } from '../places.ts'

const subject = (place: Place, object: ScaledObject): string => subjectOf(place, 'ScaledObject', object.metadata.name)

const prefix = 'autoscaling.keda.sh/'

/** n.b. `paused-replicas` pauses by being there, whatever `paused` says. */
function pausesOf({ metadata }: ScaledObject): readonly (readonly [string, string])[] {
  return Object.entries(metadata.annotations ?? {}).filter(
    ([key, value]) =>
      key === `${prefix}paused-replicas` ||
      (['paused', 'paused-scale-in', 'paused-scale-out'].some((name) => key === `${prefix}${name}`) &&
        value === 'true'),
  )
}

const paused: Check = {
  id: 'paused',
  title: 'scaling that was paused, and forgotten',
  find: ({ places }) =>
    places.flatMap((place) =>
      place.scaledObjects.flatMap((object) => {
        const pauses = pausesOf(object)
        if (pauses.length === 0) return []
        const keys = pauses.map(([key]) => `${key}-`).join(' ')
        return [
          {
            severity: 'error' as const,
            subject: subject(place, object),
            what: 'Its scaling is paused.',
            why: 'The number of replicas stays as it is, whatever waits in the queue, until somebody takes the annotation away.',
            evidence: pauses.map(([key, value]) => `annotation ${key}: ${value}`),
            mend: [
              place.namespace === null
                ? 'take the annotation out of the manifest'
                : `kubectl -n ${place.namespace} annotate scaledobject ${object.metadata.name} ${keys}`,
            ],
          },
        ]
      }),
    ),
}

/** What waits in a function's queue, or is being handled. */
function backlogOf(facts: Facts, queue: string): number | null {
  const listed = managementOf(facts)?.queues.find(({ name }) => name === queue)?.messages
  const ready = amqpOf(facts)?.depths[queue]?.ready
  return listed ?? ready ?? null
}

const atMax: Check = {
  id: 'hpa-at-max',
  title: 'as many replicas as there may be, and a backlog that does not shrink',
  passing: true,
  find: (facts) =>
    clustersOf(facts).flatMap((place) =>
      place.hpas.flatMap((hpa): Finding[] => {
        const limited = hpa.status?.conditions?.find(
          ({ type, status }) => type === 'ScalingLimited' && status === 'True',
        )
        if (limited?.reason !== 'TooManyReplicas' || (hpa.status?.currentReplicas ?? 0) < hpa.spec.maxReplicas)
          return []
        const target = hpa.spec.scaleTargetRef.name
        const plan = facts.functions.find(({ name }) => name === target)
        const [now, before] = [facts, facts.before].map((one) => (one && plan ? backlogOf(one, plan.queue) : null))
        if (now !== null && now !== undefined && before !== null && before !== undefined && now < before) return []
        const object = place.scaledObjects.find(({ spec }) => spec.scaleTargetRef?.name === target)
        const value = queueTriggers(facts).find(({ object: one }) => one === object)
        return [
          {
            severity: 'warning',
            subject: subjectOf(place, 'HorizontalPodAutoscaler', hpa.metadata.name),
            what: `All ${hpa.spec.maxReplicas} replicas that there may be are there, and more are wanted.`,
            why: 'What comes in faster than these can handle only waits longer. Twice the replicas do not help where the database or the webhook behind them is the limit.',
            evidence: [
              limited.message ?? 'TooManyReplicas',
              ...(now === null || now === undefined
                ? []
                : [
                    `${now} messages in queue ${plan?.queue}${value ? `, ${metadataOf(value, 'value')} for each replica` : ''}`,
                  ]),
            ],
            mend: [
              ...(object
                ? [
                    `kubectl -n ${place.namespace} patch scaledobject ${object.metadata.name} --type=merge -p '{"spec":{"maxReplicaCount":${2 * hpa.spec.maxReplicas}}}'`,
                  ]
                : []),
              'npm run simulate -- --help   # what concurrency and max a trace of arrivals needs',
            ],
          },
        ]
      }),
    ),
}

const twoScalers: Check = {
  id: 'two-scalers',
  title: 'two autoscalers for one Deployment',
  find: ({ places }) =>
    places.flatMap((place) => {
      const targets = new Map<string, string[]>()
      const add = (target: string, who: string) => targets.set(target, [...(targets.get(target) ?? []), who])
      for (const { metadata, spec } of place.scaledObjects)
        add(spec.scaleTargetRef?.name ?? '', `ScaledObject ${metadata.name}`)
      const own = new Set(
        place.scaledObjects.map(({ metadata, status }) => status?.hpaName ?? `keda-hpa-${metadata.name}`),
      )
      for (const { metadata, spec } of place.hpas) {
        if (!own.has(metadata.name)) add(spec.scaleTargetRef.name, `HorizontalPodAutoscaler ${metadata.name}`)
      }
      return [...targets]
        .filter(([, who]) => who.length > 1)
        .map(([target, who]) => ({
          severity: 'error',
          subject: subjectOf(place, 'Deployment', target),
          what: 'More than one autoscaler changes its replicas.',
          why: 'Each undoes what the other did; with an HPA of its own it never reaches zero.',
          evidence: who,
          mend: [
            `kubectl -n ${place.namespace ?? 'NAMESPACE'} delete ${(who.at(-1) ?? '').toLowerCase().replace(' ', ' ')}`,
          ],
        }))
    }),
}

const notScaled: Check = {
  id: 'not-scaled',
  title: 'a consumer that nothing scales',
  passing: true,
  find: (facts) =>
    clustersOf(facts).flatMap((place) =>
      facts.functions
        .filter(({ role }) => role === 'consumer')
        .flatMap(({ name }) => {
          const exists = place.deployments.some(({ metadata }) => metadata.name === name)
          const scaled =
            place.scaledObjects.some(({ spec }) => spec.scaleTargetRef?.name === name) ||
            place.hpas.some(({ spec }) => spec.scaleTargetRef.name === name)
          if (!exists || scaled) return []
          return [
            {
              severity: 'warning' as const,
              subject: subjectOf(place, 'Deployment', name),
              what: 'Nothing scales it.',
              why: 'Its replicas stay as they are. One that is at 0 is never woken.',
              evidence: [
                'there is neither a ScaledObject nor an HPA for it',
                ...place.unseen.filter((one) => /scaledobjects/.test(one)),
              ],
              mend: [`kubectl -n ${place.namespace} apply -f keda/base/${name}.yaml`],
            },
          ]
        }),
    ),
}

const kedaBlind: Check = {
  id: 'keda-reads-otherwise',
  title: 'a number of KEDA that has nothing to do with the queue',
  passing: true,
  find: (facts) =>
    queueTriggers(facts).flatMap(({ place, object, plan, subject: who, trigger }): Finding[] => {
      const seen = facts.keda.values?.find(
        ({ namespace, scaledObject }) => namespace === place.namespace && scaledObject === object.metadata.name,
      )
      const backlog = plan && backlogOf(facts, plan.queue)
      const value = Number(trigger.metadata?.value ?? 20)
      if (!seen || backlog == null || seen.value > 0 || backlog <= value) return []
      return [
        {
          severity: 'error',
          subject: who,
          what: `KEDA reads ${seen.value}, the queue holds ${backlog}.`,
          why: 'It looks at another queue, vhost or broker, or the broker gives it no numbers.',
          evidence: [
            `keda_scaler_metrics_value of ${seen.metric} is ${seen.value}`,
            `queue ${plan?.queue} on vhost '${facts.broker.vhost}' holds ${backlog}`,
          ],
          mend: [
            `kubectl -n ${place.namespace} get scaledobject,triggerauthentication ${object.metadata.name} -o yaml`,
          ],
        },
      ]
    }),
}

/** What KEDA and the HPA do. */
export const scalingChecks = [paused, atMax, twoScalers, notScaled, kedaBlind]
