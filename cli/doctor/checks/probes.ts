import type { Check, Finding } from '../finding.ts'
import type { Deployment } from '../objects.ts'
import { subjectOf } from '../places.ts'

/** The kubelet's own defaults. */
const standardProbe = { periodSeconds: 10, failureThreshold: 3 }

/** How long a container has until the liveness probe ends it; null: a startup probe holds it back, or there is none. */
function livenessBudget({ spec }: Deployment): number | null {
  const [container] = spec.template.spec.containers
  const { livenessProbe: probe, startupProbe } = container ?? {}
  if (!probe || startupProbe) return null
  const { initialDelaySeconds = 0, periodSeconds, failureThreshold } = { ...standardProbe, ...probe }
  return initialDelaySeconds + periodSeconds * failureThreshold
}

/** A cold start takes longer on a node that must pull the image, or has little CPU to give. */
const safeSeconds = 30

const livenessEarly: Check = {
  id: 'liveness-before-start',
  title: 'a liveness or startup probe that does not wait for a cold start',
  find: (facts) =>
    facts.places.flatMap((place) =>
      place.deployments.flatMap((deployment): Finding[] => {
        const { name } = deployment.metadata
        const killed = place.events.filter(
          ({ involvedObject, message }) =>
            involvedObject.name?.startsWith(`${name}-`) && /failed (startup|liveness) probe/.test(message ?? ''),
        )
        const budget = livenessBudget(deployment)
        const early = budget !== null && budget < safeSeconds && facts.functions.some((plan) => plan.name === name)
        if (killed.length === 0 && !early) return []
        const patch = [
          {
            op: 'add',
            path: '/spec/template/spec/containers/0/startupProbe',
            value: { httpGet: { path: '/livez', port: 'metrics' }, periodSeconds: 1, failureThreshold: 60 },
          },
        ]
        return [
          {
            severity: killed.length > 0 ? 'error' : 'warning',
            subject: subjectOf(place, 'Deployment', name),
            what:
              killed.length > 0
                ? 'Its containers are ended by a probe.'
                : `The liveness probe ends a container that does not answer within ${budget} s of its start.`,
            why: 'A start that is slower than the probe, on a busy node or without the broker, never ends: the container is killed and begins anew.',
            evidence:
              killed.length > 0
                ? killed.slice(0, 3).map(({ involvedObject, message }) => `pod ${involvedObject.name}: ${message}`)
                : ['there is no startupProbe', `initial delay and failures of the livenessProbe: ${budget} s`],
            mend: [
              place.namespace === null
                ? 'node build.mjs --manifests'
                : `kubectl -n ${place.namespace} patch deployment ${name} --type=json -p '${JSON.stringify(patch)}'`,
            ],
          },
        ]
      }),
    ),
}

/** Whether a container is given the time to start. */
export const probeChecks = [livenessEarly]
