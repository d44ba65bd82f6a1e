import { deadQueueOf } from '../../../runtime/core/topology.ts'
import { shellWord } from '../../topology/comparison.ts'
import { amqpOf, managementOf } from '../facts.ts'
import type { Check } from '../finding.ts'
import { depthOf, queuesOf, retryPattern } from './queues.ts'

const deadLetters: Check = {
  id: 'dead-letters',
  title: 'dead letters, and whether they become more',
  find: (facts) =>
    queuesOf(facts.functions).flatMap((queue) => {
      const name = deadQueueOf(queue)
      const depth = depthOf(facts, name)
      if (depth === null || depth.ready === 0) return []
      const growth = managementOf(facts)?.queues.find((one) => one.name === name)?.growth ?? 0
      const grown = facts.before === null ? 0 : depth.ready - (depthOf(facts.before, name)?.ready ?? depth.ready)
      const grows = growth > 0 || grown > 0
      const reasons = (amqpOf(facts)?.dead[queue] ?? []).map(({ code, reason }) => code ?? reason ?? 'no cause given')
      return [
        {
          severity: grows ? ('error' as const) : ('warning' as const),
          subject: `queue ${name}`,
          what: `${depth.ready} dead letters wait for somebody${grows ? ', and they become more' : ''}.`,
          why: 'These messages were given up. They are kept, but nobody works on them until they are redriven.',
          evidence: [
            ...(grown > 0
              ? [`${grown} more since the first look`]
              : growth > 0
                ? [`${growth.toFixed(1)} more a second`]
                : []),
            ...countsOf(reasons),
          ],
          mend: [`npx kedafn dlq list ${shellWord(queue)}`, `npx kedafn dlq redrive ${shellWord(queue)} --dry-run`],
        },
      ]
    }),
}

function countsOf(values: readonly string[]): readonly string[] {
  const counts = new Map<string, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts].map(([value, count]) => `${value}: ${count} of the first ${values.length}`)
}

const deliveryLimit: Check = {
  id: 'delivery-limit',
  title: 'messages that were delivered over and over until somebody gave them up',
  find: (facts) =>
    Object.entries(amqpOf(facts)?.dead ?? {}).flatMap(([queue, letters]) => {
      const reached = letters.filter(
        ({ code, reason }) => code === 'FN_CRASH_LOOP' || (code === null && reason === 'delivery_limit'),
      )
      if (reached.length === 0) return []
      return [
        {
          severity: 'error' as const,
          subject: `queue ${deadQueueOf(queue)}`,
          what: `${reached.length} of the first ${letters.length} dead letters were delivered again and again without an end.`,
          why: 'A process died on each delivery, or something requeues without a delay. Their neighbours were delivered as often.',
          evidence: countsOf(reached.map(({ code, reason }) => code ?? `x-death reason ${reason}`)),
          mend: [
            `npx kedafn dlq show ${shellWord(queue)}`,
            'kubectl get pods   # restarts and their reason: OOMKilled, Error',
          ],
        },
      ]
    }),
}

const lostTarget: Check = {
  id: 'dead-letter-target-missing',
  title: 'a queue whose dead letters have nowhere to go',
  find: (facts) => {
    const management = managementOf(facts)
    const ours = new Set(
      facts.functions.flatMap(({ topology }) => topology.flatMap((one) => (one.kind === 'queue' ? one.name : []))),
    )
    return (management?.queues ?? []).flatMap(({ name, arguments: args, messages, ready, unacked }) => {
      const target = args['x-dead-letter-exchange'] === '' ? args['x-dead-letter-routing-key'] : undefined
      // What the specs want is missing then, and said already.
      if (typeof target !== 'string' || ours.has(target) || retryPattern.test(name)) return []
      if (management?.objects.queues.some((one) => one.name === target)) return []
      const kept = (messages ?? 0) - (ready ?? 0) - (unacked ?? 0)
      return [
        {
          severity: 'error' as const,
          subject: `queue ${name}`,
          what: `Its dead letters go to queue '${target}', which does not exist.`,
          why: 'With at-least-once they stay in the queue, count as messages, and so keep consumers awake for ever; otherwise they are lost.',
          evidence: [
            `x-dead-letter-routing-key is '${target}'`,
            ...(kept > 0 ? [`${kept} messages are neither ready nor with a consumer`] : []),
          ],
          mend: ['npx kedafn topology diff', 'npx kedafn topology apply'],
        },
      ]
    })
  },
}

/** What was given up, and where it goes. */
export const deadLetterChecks = [deadLetters, deliveryLimit, lostTarget]
