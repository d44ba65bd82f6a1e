import { abortAfterMs, prefetchFor } from '../../../runtime/core/scale.ts'
import type { Scaling } from '../../../runtime/core/scaling.ts'
import type { Facts, Place, Plan } from '../facts.ts'
import type { Check, Finding } from '../finding.ts'
import type { Deployment } from '../objects.ts'
import {
  deploymentsOf,
  functionContainer,
  inPlace,
  metadataOf,
  queueTriggers,
  settingsOf,
  subjectOf,
} from '../places.ts'
import { setMetadata } from './triggers.ts'

const rendered = 'node build.mjs --manifests'

const numberOf = (settings: Readonly<Record<string, string>>, name: string, standard: number): number => {
  const value = Number(settings[name])
  return settings[name] && Number.isInteger(value) && value > 0 ? value : standard
}

/** The numbers of a consumer, as the variables of its Deployment change them. */
function inForce(place: Place, deployment: Deployment | undefined, scaling: Scaling): Scaling {
  const container = deployment && functionContainer(deployment)
  if (!container) return scaling
  const settings = settingsOf(place, container)
  const capacity = {
    ...scaling,
    batchSize: numberOf(settings, 'KEDAFN_BATCH_SIZE', scaling.batchSize),
    concurrency: numberOf(settings, 'KEDAFN_CONCURRENCY', scaling.concurrency),
    timeoutMs: numberOf(settings, 'KEDAFN_TIMEOUT_MS', scaling.timeoutMs),
    linesPerMessage: numberOf(settings, 'KEDAFN_LINES_PER_MESSAGE', scaling.linesPerMessage),
  }
  return { ...capacity, prefetch: prefetchFor(capacity) }
}

const prefetchStarves: Check = {
  id: 'prefetch-starves',
  title: 'a replica that takes more messages than one replica is for',
  find: (facts) =>
    queueTriggers(facts).flatMap((placed): Finding[] => {
      const { plan, place, kind } = placed
      const value = Number(metadataOf(placed, 'value') ?? metadataOf(placed, 'queueLength') ?? 20)
      if (!plan?.scaling || kind !== 'ScaledObject' || !(value > 0)) return []
      const { prefetch, batchSize, concurrency } = inForce(place, deploymentsOf(place, plan)[0], plan.scaling)
      if (value >= prefetch) return []
      return [
        {
          severity: 'error',
          subject: placed.subject,
          what: `One replica takes ${prefetch} messages for itself, and a further one is started for each ${value}.`,
          why: 'The first replica holds what the others were started for: they find nothing to do.',
          evidence: [
            `prefetch ${prefetch}, from batches of ${batchSize} and concurrency ${concurrency}`,
            `value of the trigger is ${value}`,
          ],
          mend: [setMetadata(placed, 'value', `${prefetch}`)],
        },
      ]
    }),
}

/** Each Deployment of a function, in each place. */
const deployed = (
  { places, functions }: Facts,
  find: (place: Place, plan: Plan, deployment: Deployment) => Finding | null,
): readonly Finding[] =>
  places.flatMap((place) =>
    functions.flatMap((plan) =>
      deploymentsOf(place, plan).flatMap((deployment) => find(place, plan, deployment) ?? []),
    ),
  )

const graceShort: Check = {
  id: 'grace-short',
  title: 'a grace period in which a function cannot end',
  find: (facts) =>
    deployed(facts, (place, plan, deployment) => {
      const container = functionContainer(deployment)
      if (!container) return null
      const settings = settingsOf(place, container)
      const graceMs = numberOf(settings, 'KEDAFN_GRACE_MS', 30_000)
      const seconds = deployment.spec.template.spec.terminationGracePeriodSeconds ?? 30
      const timeoutMs = plan.scaling ? inForce(place, deployment, plan.scaling).timeoutMs : 0
      const killed = seconds * 1000 <= graceMs
      const cut = abortAfterMs(graceMs) < timeoutMs
      if (!killed && !cut) return null
      const needed = Math.max(graceMs, timeoutMs + (timeoutMs > 0 ? 5000 : 0))
      const patch = {
        spec: {
          template: {
            spec: {
              terminationGracePeriodSeconds: Math.ceil(needed / 1000) + 5,
              containers: [{ name: container.name, env: [{ name: 'KEDAFN_GRACE_MS', value: `${needed}` }] }],
            },
          },
        },
      }
      return {
        severity: 'error',
        subject: subjectOf(place, 'Deployment', deployment.metadata.name),
        what: killed
          ? `It is killed after ${seconds} s, before it would end by itself after ${graceMs} ms.`
          : `A handler may take ${timeoutMs} ms, and is told to give up ${abortAfterMs(graceMs)} ms after SIGTERM.`,
        why: 'At each scale-in what was not finished comes back and is done again; a message that is longer than the grace never ends while pods come and go.',
        evidence: [
          `terminationGracePeriodSeconds ${seconds}, KEDAFN_GRACE_MS ${graceMs}${timeoutMs > 0 ? `, timeoutMs ${timeoutMs}` : ''}`,
        ],
        mend: [inPlace(place, `patch deployment ${deployment.metadata.name} -p '${JSON.stringify(patch)}'`, rendered)],
      }
    }),
}

const scaledNames = (place: Place): ReadonlySet<string> =>
  new Set(place.scaledObjects.flatMap(({ spec }) => spec.scaleTargetRef?.name ?? []))

/** True if whoever applied the object said how many replicas there are. n.b. KEDA and the HPA write by the subresource `scale`. */
function saysReplicas({ metadata, spec }: Deployment, isFile: boolean): boolean {
  if (isFile) return spec.replicas !== undefined
  const applied = metadata.annotations?.['kubectl.kubernetes.io/last-applied-configuration']
  if (applied !== undefined) return /"replicas":\s*\d/.test(applied)
  return (metadata.managedFields ?? []).some(
    ({ subresource, fieldsV1, operation }) =>
      operation === 'Apply' && subresource === undefined && 'f:replicas' in (fieldsV1?.['f:spec'] ?? {}),
  )
}

const replicasInManifest: Check = {
  id: 'replicas-in-manifest',
  title: 'a number of replicas in a manifest of something that is scaled',
  find: ({ places }) =>
    places.flatMap((place) =>
      place.deployments
        .filter(({ metadata }) => scaledNames(place).has(metadata.name))
        .filter((deployment) => saysReplicas(deployment, place.namespace === null))
        .map(({ metadata, spec }) => ({
          severity: 'error',
          subject: subjectOf(place, 'Deployment', metadata.name),
          what: 'Its manifest says how many replicas there are.',
          why: 'Each apply sets them back: what KEDA has scaled out is cut down in the middle of its work, or what sleeps is woken for nothing.',
          evidence: [place.namespace === null ? `replicas: ${spec.replicas}` : 'replicas is in what was applied last'],
          mend: [
            inPlace(
              place,
              `apply view-last-applied deployment/${metadata.name} -o yaml | sed '/^  replicas:/d' | kubectl apply -f -`,
              `${rendered}   # or take replicas out of the manifest`,
            ),
            ...(place.namespace === null
              ? []
              : ['take replicas out of the manifest that is applied, or the next apply brings it back']),
          ],
        })),
    ),
}

/** Numbers that do not fit each other. */
export const numberChecks = [prefetchStarves, graceShort, replicasInManifest]
