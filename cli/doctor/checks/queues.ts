import { compareObjects, deletion, labelOf, reconciliation, shellWord } from '../../topology/comparison.ts'
import { wantedOf } from '../../topology/wanted.ts'
import { amqpOf, clustersOf, type Facts, managementOf, type Plan, type QueueFacts } from '../facts.ts'
import type { Check, Finding } from '../finding.ts'
import { deploymentsOf } from '../places.ts'

/**
 * The functions that are in use, as far as can be told: what is not deployed on the cluster, and what needs values before it can
 * start, only if its queue stands.
 */
function inUse(facts: Facts): readonly Plan[] {
  const [cluster] = clustersOf(facts)
  const deployed = facts.functions.filter((plan) => cluster && deploymentsOf(cluster, plan).length > 0)
  const candidates = deployed.length > 0 ? deployed : facts.functions.filter(({ optional }) => !optional)
  return facts.functions.filter((plan) => candidates.includes(plan) || stands(facts, plan.queue))
}

/** Null: nobody knows. */
function standing(facts: Facts, queue: string): boolean | null {
  const management = managementOf(facts)
  if (management?.vhostFound) return management.objects.queues.some(({ name }) => name === queue)
  const depth = amqpOf(facts)?.depths[queue]
  return depth === undefined ? null : depth !== null
}
const stands = (facts: Facts, queue: string): boolean => standing(facts, queue) === true

export const queuesOf = (plans: readonly Plan[]): readonly string[] => [...new Set(plans.map(({ queue }) => queue))]

const queueMissing: Check = {
  id: 'queue-missing',
  title: "a function's queue that does not exist",
  find: (facts) =>
    queuesOf(inUse(facts))
      .filter((queue) => standing(facts, queue) === false)
      .map((queue) => ({
        severity: 'error',
        subject: `queue ${queue}`,
        what: 'The queue does not exist.',
        why: 'KEDA cannot read its length, and leaves a connection behind with each try if it is older than 2.20; functions with KEDAFN_TOPOLOGY=verify end with FN_TOPOLOGY_MISSING. One that sleeps cannot make it: nothing wakes it.',
        evidence: [`vhost '${facts.broker.vhost}' has no queue of this name`],
        mend: ['npx kedafn topology apply'],
      })),
}

/** What of the topology is not as the specs say, the missing work queues apart. */
function deviationsOf(facts: Facts) {
  const management = managementOf(facts)
  if (!management?.vhostFound) return []
  const plans = inUse(facts).filter(({ queue }) => stands(facts, queue))
  return compareObjects(wantedOf(plans), management.objects).deviations
}

const topologyMissing: Check = {
  id: 'topology-missing',
  title: 'an exchange, a queue or a binding beside the work queue that does not exist',
  find: (facts) =>
    deviationsOf(facts)
      .filter(({ kind }) => kind === 'missing')
      .map((deviation) => {
        const { declaration } = deviation
        return {
          severity: 'error',
          subject: labelOf(declaration),
          what: 'It does not exist.',
          why:
            declaration.kind === 'binding'
              ? 'What is published to the exchange does not come to the queue. Of a queue and its history, one without the other goes unnoticed: the broker confirms all the same.'
              : 'Publishing, a retry or a dead letter needs it: the messages that should go there stay where they are, and what comes behind them waits.',
          evidence: [`vhost '${facts.broker.vhost}' has none`],
          mend: reconciliation([deviation], facts.broker.vhost),
        } satisfies Finding
      }),
}

const topologyDiffers: Check = {
  id: 'topology-differs',
  title: 'an exchange or a queue with other arguments than the spec says',
  find: (facts) =>
    deviationsOf(facts)
      .filter(({ kind }) => kind === 'different')
      .map((deviation) => ({
        severity: 'error',
        subject: labelOf(deviation.declaration),
        what: 'It was made with other arguments than the specs say.',
        why: 'Arguments cannot be changed: functions end with FN_TOPOLOGY_MISMATCH. Without a dead-letter queue and a high delivery limit RabbitMQ 4 drops a message at its 21st delivery, without a trace.',
        evidence: deviation.differences,
        mend: reconciliation([deviation], facts.broker.vhost),
      })),
}

/** Over AMQP if that is known: the management lags by seconds. */
export function depthOf(facts: Facts, queue: string): { ready: number; consumers: number } | null {
  const depth = amqpOf(facts)?.depths[queue]
  if (depth) return depth
  const listed = managementOf(facts)?.queues.find(({ name }) => name === queue)
  return listed?.ready == null ? null : { ready: listed.ready, consumers: listed.consumers ?? 0 }
}

const noConsumers: Check = {
  id: 'no-consumers',
  title: 'messages that wait while nobody consumes',
  passing: true,
  find: (facts) =>
    queuesOf(facts.functions.filter(({ role }) => role === 'consumer')).flatMap((queue) => {
      const depth = depthOf(facts, queue)
      if (depth === null || depth.ready === 0 || depth.consumers > 0) return []
      const names = facts.functions.filter((plan) => plan.role === 'consumer' && plan.queue === queue)
      const replicas = clustersOf(facts).flatMap(({ deployments }) =>
        deployments
          .filter(({ metadata }) => names.some(({ name }) => name === metadata.name))
          .map(
            ({ metadata, status }) =>
              `deployment ${metadata.name} has ${status?.readyReplicas ?? 0} ready of ${status?.replicas ?? 0} replicas`,
          ),
      )
      const [namespace] = clustersOf(facts).map((place) => place.namespace)
      return [
        {
          severity: 'error' as const,
          subject: `queue ${queue}`,
          what: `${depth.ready} messages wait and nobody consumes.`,
          why: `Nothing has woken ${names.map(({ name }) => name).join(', ')}, or it ends before it can consume.`,
          evidence: [`ready ${depth.ready}, consumers 0, and no better at the second look`, ...replicas],
          mend:
            namespace === undefined
              ? ['npm start']
              : [
                  `kubectl -n ${namespace} describe scaledobject ${names[0]?.name ?? ''}`,
                  `kubectl -n ${namespace} get pods,events`,
                ],
        },
      ]
    }),
}

/** n.b. A quorum queue whose leader is gone goes on being called running; of streams the list may not tell the leader at all. */
const isHeadless = ({ type, state, leader, messages }: QueueFacts): boolean =>
  (type === 'quorum' && leader === null && messages !== null) ||
  (type !== 'classic' && /^(down|minority|crashed|stopped)$/.test(state ?? ''))

const noLeader: Check = {
  id: 'queue-no-leader',
  title: 'a quorum queue or stream without a leader',
  passing: true,
  find: (facts) =>
    (managementOf(facts)?.queues ?? []).filter(isHeadless).map(({ name, type, state, leader, members, online }) => ({
      severity: 'error',
      subject: `queue ${name}`,
      what: 'The queue has no leader.',
      why: 'Nothing goes in or out. Over AMQP its length reads 0: KEDA with protocol amqp takes that for an empty queue.',
      evidence: [
        `state ${state ?? 'not said'}, leader ${leader ?? 'none'}`,
        `online ${online.length} of ${members.length} members: ${members.join(', ')}`,
      ],
      mend: [
        ...members
          .filter((node) => !online.includes(node))
          .map((node) => `rabbitmqctl -n ${node} start_app   # if the node is down; else restart it`),
        `rabbitmq-${type === 'stream' ? 'streams' : 'queues'} -p ${shellWord(facts.broker.vhost)} ${type === 'stream' ? 'stream_status' : 'quorum_status'} ${shellWord(name)}`,
        'rabbitmqctl stop_app && rabbitmqctl start_app   # on the node of a member, if all of them are online',
      ],
    })),
}

export const retryPattern = /^(.+)[.]retry[.](\d+)$/

const retryOrphans: Check = {
  id: 'retry-orphans',
  title: 'retry queues that no function uses any more',
  find: (facts) => {
    const management = managementOf(facts)
    if (!management || facts.specProblem !== null) return []
    const wanted = new Set(wantedOf(facts.functions).flatMap((one) => (one.kind === 'queue' ? one.name : [])))
    return management.queues.flatMap(({ name, messages, arguments: args }) => {
      const base = retryPattern.exec(name)?.[1]
      // Another application may have such names too: ours give their messages back to the queue.
      if (base === undefined || wanted.has(name) || args['x-dead-letter-routing-key'] !== base) return []
      const homeless = !management.objects.queues.some((one) => one.name === base)
      return [
        {
          severity: homeless && (messages ?? 0) > 0 ? ('error' as const) : ('warning' as const),
          subject: `queue ${name}`,
          what: homeless ? `Its queue '${base}' does not exist.` : 'No function uses this retry queue any more.',
          why: homeless
            ? 'What waits in it can go nowhere when its time is over.'
            : 'The delays of the spec have changed. What is still in it comes back to its queue; after that it is in the way.',
          evidence: [`${messages ?? 'an unknown number of'} messages in it`, `its messages go back to '${base}'`],
          mend: [
            ...(homeless ? ['npx kedafn topology apply   # if the queue is still wanted'] : []),
            ...deletion(name, facts.broker.vhost),
          ],
        },
      ]
    })
  },
}

/** What the functions need declared, and how it fares. */
export const queueChecks = [queueMissing, topologyMissing, topologyDiffers, noLeader, noConsumers, retryOrphans]
