import { clustersOf, type Facts, type Place } from '../facts.ts'
import type { Check, Finding } from '../finding.ts'
import type { ContainerStatus, Pod } from '../objects.ts'
import { subjectOf } from '../places.ts'

interface PodProblem {
  readonly place: Place & { readonly namespace: string }
  readonly pod: Pod
  readonly status: ContainerStatus
  /** Of a Deployment: its name; else the pod's. */
  readonly owner: string
}

/** The containers of all pods that are not on their way out. */
const containersOf = (facts: Facts): readonly PodProblem[] =>
  clustersOf(facts).flatMap((place) =>
    place.pods
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .flatMap((pod) =>
        (pod.status?.containerStatuses ?? []).map((status) => ({ place, pod, status, owner: ownerOf(place, pod) })),
      ),
  )

function ownerOf({ deployments }: Place, { metadata }: Pod): string {
  const owner = deployments.find(({ metadata: { name } }) => {
    const rest = metadata.name.startsWith(`${name}-`) ? metadata.name.slice(name.length + 1) : ''
    return /^[a-z0-9]+-[a-z0-9]{5}$/.test(rest)
  })
  return owner?.metadata.name ?? metadata.name
}

/** One finding for all pods of a Deployment that have the same. */
function perOwner(problems: readonly PodProblem[], find: (problem: PodProblem, all: readonly PodProblem[]) => Finding) {
  const groups = new Map<string, PodProblem[]>()
  for (const problem of problems) {
    const key = `${problem.place.name}\n${problem.owner}`
    groups.set(key, [...(groups.get(key) ?? []), problem])
  }
  return [...groups.values()].flatMap((all) => (all[0] ? [find(all[0], all)] : []))
}

const subject = ({ place, owner, pod }: PodProblem): string =>
  subjectOf(place, owner === pod.metadata.name ? 'Pod' : 'Deployment', owner)

const waitingOf = ({ status }: PodProblem) => status.state?.waiting
const lastEnd = ({ status }: PodProblem) => status.lastState?.terminated ?? status.state?.terminated
const namesOf = (all: readonly PodProblem[]): string =>
  all.length === 1 ? `pod ${all[0]?.pod.metadata.name}` : `${all.length} pods, ${all[0]?.pod.metadata.name} one of them`

const imageMissing: Check = {
  id: 'image-missing',
  title: 'an image that the nodes do not have and cannot pull',
  find: (facts) =>
    perOwner(
      containersOf(facts).filter((one) =>
        /^(ErrImage|ImagePull|InvalidImageName|ImageInspectError|RegistryUnavailable)/.test(
          waitingOf(one)?.reason ?? '',
        ),
      ),
      (problem, all) => ({
        severity: 'error',
        subject: subject(problem),
        what: `Its image ${problem.status.image} cannot be had.`,
        why: 'KEDA and the HPA do their part, and no pod ever starts.',
        evidence: [`${namesOf(all)}: ${waitingOf(problem)?.reason}: ${waitingOf(problem)?.message ?? ''}`],
        mend: [
          `node build.mjs --image ${problem.owner}`,
          `k3d image import dist/images/${problem.owner}.tar -c CLUSTER   # or ctr images import, or --push REGISTRY/FOLDER/ and that name in the Deployment`,
        ],
      }),
    ),
}

const bitnami: Check = {
  id: 'bitnami-image',
  title: 'images that have been taken away',
  find: ({ places }) =>
    places.flatMap((place) =>
      [
        ...place.deployments.map(({ metadata, spec }) => ({
          kind: 'Deployment',
          metadata,
          containers: spec.template.spec.containers,
        })),
        ...place.pods.map(({ metadata, spec }) => ({ kind: 'Pod', metadata, containers: spec.containers })),
      ].flatMap(({ kind, metadata, containers }) =>
        containers
          .filter(({ image }) => /^(docker[.]io\/)?bitnami\//.test(image ?? ''))
          .map(({ image }) => ({
            severity: 'error',
            subject: subjectOf(place, kind, metadata.name),
            what: `${image} is not where it was: versioned images of bitnami are gone from Docker Hub.`,
            why: 'It runs where it was pulled before; on a new node it does not start.',
            evidence: [`image: ${image}`],
            mend: [
              `image: ${image?.replace('bitnami/', 'bitnamilegacy/')}   # without updates; manifests/overlays/bitnami says what else, manifests/overlays/rabbitmq-operator what is better`,
            ],
          })),
      ),
    ),
}

const oomKilled: Check = {
  id: 'oom-killed',
  title: 'containers that were killed for their memory',
  find: (facts) =>
    perOwner(
      containersOf(facts).filter((one) => lastEnd(one)?.reason === 'OOMKilled'),
      (problem, all) => ({
        severity: 'error',
        subject: subject(problem),
        what: 'It was killed for using more memory than its limit.',
        why: 'What it held is delivered again. If one message does it, that message kills one process after the other before it is given up.',
        evidence: [
          `${namesOf(all)}: OOMKilled at ${lastEnd(problem)?.finishedAt ?? 'an unknown time'}, ${problem.status.restartCount ?? 0} restarts`,
        ],
        mend: [
          `kubectl -n ${problem.place.namespace} set resources deployment/${problem.owner} -c ${problem.status.name} --limits=memory=512Mi`,
          'npx kedafn dlq list QUEUE   # whether one message does it: FN_CRASH_LOOP',
        ],
      }),
    ),
}

/** What the runtime says of itself at its end is the container's termination message. */
const codeIn = (message: string | undefined): string | null => /\bFN_[A-Z_]+\b/.exec(message ?? '')?.[0] ?? null

const crashLoop: Check = {
  id: 'crash-loop',
  title: 'containers that end again and again',
  find: (facts) =>
    perOwner(
      containersOf(facts).filter(
        (one) =>
          lastEnd(one)?.reason !== 'OOMKilled' &&
          (waitingOf(one)?.reason === 'CrashLoopBackOff' || ((one.status.restartCount ?? 0) >= 3 && !one.status.ready)),
      ),
      (problem, all) => {
        const end = lastEnd(problem)
        const code = codeIn(end?.message)
        const words = end?.message?.trim().split('\n').at(-1)?.slice(0, 300)
        return {
          severity: 'error',
          subject: subject(problem),
          what: 'It ends again and again, and waits longer each time before it is started again.',
          why: 'Nothing is handled meanwhile, and a wake-up takes up to five minutes more.',
          evidence: [
            `${namesOf(all)}: ${problem.status.restartCount ?? 0} restarts, exit code ${end?.exitCode ?? 'not known'}`,
            ...(words ? [words] : []),
          ],
          mend: [
            `kubectl -n ${problem.place.namespace} logs deployment/${problem.owner} --previous --tail=20`,
            ...(code === null ? [] : [`less docs/reference/errors.md   # section ${code}`]),
          ],
        }
      },
    ),
}

const configMissing: Check = {
  id: 'config-missing',
  title: 'pods that wait for a Secret or a ConfigMap',
  passing: true,
  find: (facts) =>
    perOwner(
      containersOf(facts).filter((one) =>
        /^(CreateContainerConfigError|CreateContainerError)$/.test(waitingOf(one)?.reason ?? ''),
      ),
      (problem, all) => ({
        severity: 'error',
        subject: subject(problem),
        what: 'Its container cannot be made: something that it refers to is missing.',
        why: 'No pod ever starts.',
        evidence: [`${namesOf(all)}: ${waitingOf(problem)?.message ?? ''}`],
        mend: [
          `kubectl -n ${problem.place.namespace} get secrets,configmaps`,
          `kubectl -n ${problem.place.namespace} create secret generic NAME --from-literal=username=USER --from-file=password=FILE   # the name and the keys that the message says`,
        ],
      }),
    ),
}

const unschedulable: Check = {
  id: 'pod-unschedulable',
  title: 'pods that no node takes',
  passing: true,
  find: (facts) =>
    clustersOf(facts).flatMap((place) =>
      place.pods.flatMap((pod) => {
        const condition = pod.status?.conditions?.find(
          ({ type, status }) => type === 'PodScheduled' && status === 'False',
        )
        if (condition?.reason !== 'Unschedulable') return []
        return [
          {
            severity: 'error' as const,
            subject: subjectOf(place, 'Pod', pod.metadata.name),
            what: 'No node takes this pod.',
            why: 'The HPA has scaled out, but what it asked for does not run.',
            evidence: [condition.message ?? 'Unschedulable'],
            mend: [
              `kubectl -n ${place.namespace} describe pod ${pod.metadata.name}`,
              'kubectl describe nodes   # what is left of each',
            ],
          },
        ]
      }),
    ),
}

/** What keeps pods from running. */
export const podChecks = [imageMissing, bitnami, oomKilled, crashLoop, configMissing, unschedulable]
