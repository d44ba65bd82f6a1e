import { clustersOf } from '../facts.ts'
import type { Check } from '../finding.ts'
import { inPlace, subjectOf } from '../places.ts'

const specInvalid: Check = {
  id: 'spec-invalid',
  title: 'specs that cannot be satisfied',
  find: ({ specProblem }) =>
    specProblem === null
      ? []
      : [
          {
            severity: 'error',
            subject: 'functions/',
            what: 'A spec cannot be read or satisfied.',
            why: 'Nothing is built or rendered before it is mended, and what the functions want could not be looked at.',
            evidence: specProblem.split('\n'),
            mend: ['node build.mjs --manifests --check   # until it says nothing more'],
          },
        ],
}

const drift: Check = {
  id: 'manifests-drift',
  title: 'rendered manifests that are not what the specs say',
  find: ({ drift: paths }) =>
    paths.length === 0
      ? []
      : [
          {
            severity: 'warning',
            subject: 'manifests',
            what: 'Rendered manifests are not what the specs say.',
            why: 'What is deployed from them is not what the functions were written for: other queues, numbers, permissions.',
            evidence: paths,
            mend: ['node build.mjs --manifests'],
          },
        ],
}

const deletionPolicy: Check = {
  id: 'deletion-policy',
  title: 'objects that take their queue with them when they are deleted',
  find: ({ places }) =>
    places.flatMap((place) =>
      place.topology
        .filter(({ kind, spec }) => (kind === 'Queue' || kind === 'Vhost') && spec.deletionPolicy !== 'retain')
        .map(({ kind, metadata, spec }) => ({
          severity: 'warning',
          subject: subjectOf(place, kind, metadata.name),
          what: `Whoever deletes this object deletes the ${kind.toLowerCase()} with all that is in it.`,
          why: 'Deleting a namespace, or taking an overlay away, then loses messages that were accepted.',
          evidence: [`deletionPolicy is ${spec.deletionPolicy ?? 'not set, which is delete'}`],
          mend: [
            inPlace(
              place,
              `patch ${kind.toLowerCase()}.rabbitmq.com ${metadata.name} --type=merge -p '{"spec":{"deletionPolicy":"retain"}}'`,
              'deletionPolicy: retain',
            ),
          ],
        })),
    ),
}

const secretLabel: Check = {
  id: 'topology-secret-label',
  title: 'Secrets that the topology operator refuses',
  find: (facts) =>
    clustersOf(facts).flatMap((place) =>
      place.topology.flatMap(({ kind, metadata, spec }) => {
        const name = spec.importCredentialsSecret?.name ?? spec.rabbitmqClusterReference?.connectionSecret?.name
        const secret = place.secrets?.find((one) => one.name === name)
        if (!secret || secret.labels['rabbitmq.com/topology-operator'] === 'true') return []
        return [
          {
            severity: 'error' as const,
            subject: subjectOf(place, 'Secret', secret.name),
            what: `The topology operator does not read it for ${kind} ${metadata.name}.`,
            why: 'From 1.20.0 on it refuses Secrets without its label: the user, or the whole topology, is not made.',
            evidence: ['the label rabbitmq.com/topology-operator is not "true"'],
            mend: [`kubectl -n ${place.namespace} label secret ${secret.name} rabbitmq.com/topology-operator=true`],
          },
        ]
      }),
    ),
}

const topologyNotReady: Check = {
  id: 'topology-object-not-ready',
  title: 'objects of the topology operator that it could not make',
  passing: true,
  find: (facts) =>
    clustersOf(facts).flatMap((place) =>
      place.topology.flatMap(({ kind, metadata, status }) => {
        const ready = status?.conditions?.find(({ type }) => type === 'Ready')
        if (!ready || ready.status === 'True') return []
        return [
          {
            severity: 'error' as const,
            subject: subjectOf(place, kind, metadata.name),
            what: 'The topology operator could not make it.',
            why: 'Functions with KEDAFN_TOPOLOGY=verify end with FN_TOPOLOGY_MISSING, or are refused.',
            evidence: [ready.message ?? ready.reason ?? 'Ready is not True'],
            mend: [`kubectl -n ${place.namespace} describe ${kind.toLowerCase()}.rabbitmq.com ${metadata.name}`],
          },
        ]
      }),
    ),
}

/** What stands in this repository, and objects made from it. */
export const repositoryChecks = [specInvalid, drift, deletionPolicy, secretLabel, topologyNotReady]
