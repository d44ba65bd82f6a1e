import { clustersOf, type Facts, type Place } from '../facts.ts'
import type { Check, Finding } from '../finding.ts'
import type { ScaledObject } from '../objects.ts'
import { subjectOf } from '../places.ts'
import { atLeast } from '../version.ts'

type Cluster = Place & { readonly namespace: string }

const scaledObjects = (
  facts: Facts,
  find: (place: Cluster, object: ScaledObject) => Finding | null,
): readonly Finding[] =>
  clustersOf(facts).flatMap((place) => place.scaledObjects.flatMap((object) => find(place, object) ?? []))

const subject = (place: Place, object: ScaledObject): string => subjectOf(place, 'ScaledObject', object.metadata.name)

/** What KEDA says when its RabbitMQ scaler fails, and what that means. */
const causes: readonly (readonly [RegExp, string, readonly string[]])[] = [
  [
    /40[13]|ACCESS_REFUSED|Login (was )?(failed|refused)|no access to this vhost|username or password not allowed/i,
    'The broker refuses the login that KEDA has: user, password, the tag management, or its permissions on the vhost.',
    ['kubectl -n NAMESPACE get secret rabbitmq-scaler -o yaml', 'rabbitmqctl list_user_permissions USER'],
  ],
  [
    /404|NOT_FOUND|no queue/i,
    'The broker has no such queue or vhost.',
    ['npx kedafn topology diff', 'npx kedafn topology apply'],
  ],
  [
    /invalid (URL escape|port|userinfo|character)|parse "|first path segment/i,
    'The address cannot be read: a password or vhost in it is not percent-encoded.',
    [
      'kubectl -n NAMESPACE get triggerauthentication -o yaml   # username and password as parameters of their own, as they are',
    ],
  ],
  [
    /connection refused|no such host|i\/o timeout|deadline exceeded|no route to host|server misbehaving/i,
    'KEDA cannot reach the broker: the address, a network policy, or the broker is down. It looks from its own namespace: names need theirs.',
    [
      'kubectl -n NAMESPACE get configmap broker -o yaml   # RABBITMQ_MANAGEMENT_URL=http://SERVICE.NAMESPACE.svc:15672/',
    ],
  ],
  [
    /x509|certificate|tls:/i,
    "KEDA does not accept the broker's certificate.",
    ['tls and ca of the TriggerAuthentication'],
  ],
  [
    /secrets? "?[\w-]+"? not found|no host setting|error (reading|resolving|getting)|not set in .*auth/i,
    'Something that the trigger refers to does not exist.',
    ['kubectl -n NAMESPACE get secrets,configmaps,triggerauthentications'],
  ],
  [
    /deployments?\.apps .*not found|target/i,
    'What it should scale does not exist.',
    ['kubectl -n NAMESPACE get deployments'],
  ],
]

const notReady: Check = {
  id: 'scaledobject-not-ready',
  title: 'a ScaledObject that KEDA cannot work with',
  passing: true,
  find: (facts) =>
    scaledObjects(facts, (place, object) => {
      const ready = object.status?.conditions?.find(({ type }) => type === 'Ready')
      if (!ready || ready.status === 'True') return null
      return trouble(place, object, ready.message ?? '', {
        what: `KEDA cannot work with it: Ready is ${ready.status}${ready.reason ? `, ${ready.reason}` : ''}.`,
        why: 'It is not scaled, or by a part of its triggers only.',
      })
    }),
}

/** n.b. A ScaledObject with a fallback stays ready while KEDA sees nothing of its queue. */
const fallback: Check = {
  id: 'scaledobject-fallback',
  title: 'a ScaledObject that lives on its fallback: KEDA cannot read the queue',
  passing: true,
  find: (facts) =>
    scaledObjects(facts, (place, object) => {
      const { conditions, health = {} } = object.status ?? {}
      const active = conditions?.find(({ type, status }) => type === 'Fallback' && status === 'True')
      const failing = Object.entries(health).filter(([, { status }]) => status === 'Failing')
      if (!active && failing.length === 0) return null
      const failures = failing.map(([metric, { numberOfFailures }]) => `${metric}: ${numberOfFailures} polls failed`)
      return trouble(place, object, [active?.message ?? '', ...failures].filter((one) => one !== '').join('; '), {
        what: 'KEDA cannot read its queue, and keeps the replicas of the fallback.',
        why: 'Whatever waits, no replica comes, and none goes.',
      })
    }),
}

/** A finding with what KEDA says, and what that means if it is known. */
function trouble(
  place: Cluster,
  object: ScaledObject,
  said: string,
  { what, why }: Pick<Finding, 'what' | 'why'>,
): Finding {
  const warnings = messagesOf(place, object)
  const cause =
    causes.find(([pattern]) => pattern.test(said)) ?? causes.find(([pattern]) => pattern.test(warnings.join('\n')))
  return {
    severity: 'error',
    subject: subject(place, object),
    what,
    why: cause ? `${why} ${cause[1]}` : why,
    evidence: [...(said === '' ? [] : [said]), ...warnings.map((one) => `its last warnings: ${one}`)],
    mend: [
      ...(cause?.[2] ?? []).map((command) => command.replaceAll('NAMESPACE', place.namespace)),
      `kubectl -n ${place.namespace} describe scaledobject ${object.metadata.name}`,
    ],
  }
}

/** Warnings of KEDA about an object, the newest first, each once. */
function messagesOf({ events }: Place, { metadata }: ScaledObject): readonly string[] {
  const own = events
    .filter(
      ({ involvedObject, type }) =>
        involvedObject.kind === 'ScaledObject' && involvedObject.name === metadata.name && type === 'Warning',
    )
    .sort((a, b) => timeOf(b.lastTimestamp ?? b.eventTime) - timeOf(a.lastTimestamp ?? a.eventTime))
  return [...new Set(own.map(({ reason, message }) => `${reason}: ${message}`))].slice(0, 2)
}
const timeOf = (at: string | null | undefined): number => (at ? Date.parse(at) : 0)

/** From here on connections of failed polls are closed (kedacore/keda#7565). */
const closesConnections = '2.20.0'

const oldKeda: Check = {
  id: 'keda-old',
  title: 'a KEDA that is too old',
  find: ({ keda: { version } }) => {
    if (version === null || atLeast(version, closesConnections)) return []
    return [
      {
        severity: 'warning',
        subject: `KEDA ${version}`,
        what: `KEDA ${version} is older than ${closesConnections}, the first one that everything here was tried with.`,
        why: 'Before it each poll that fails leaves a connection at the broker, until that takes no more; other fields of a ScaledObject may be unknown to it.',
        evidence: [`the operator says ${version}`],
        mend: ['helm upgrade keda kedacore/keda -n keda --version 2.20.2'],
      },
    ]
  },
}

/** What KEDA says of itself. */
export const kedaChecks = [notReady, fallback, oldKeda]
