import { deadQueueOf, historyOf } from '../../../runtime/core/topology.ts'
import { nearest } from '../../nearest.ts'
import type { Facts } from '../facts.ts'
import { managementOf } from '../facts.ts'
import type { Check, Finding } from '../finding.ts'
import { functionContainer, inPlace, metadataOf, type PlacedTrigger, queueTriggers, settingsOf } from '../places.ts'

const rendered = 'node build.mjs --manifests'

/** Changes one metadata key of a trigger, where it stands. */
export function setMetadata({ place, kind, object, index }: PlacedTrigger, key: string, value: string | null): string {
  const path = `/spec/triggers/${index}/metadata/${key}`
  const patch = value === null ? { op: 'remove', path } : { op: 'add', path, value }
  const command = `patch ${kind.toLowerCase()} ${object.metadata.name} --type=json -p '${JSON.stringify([patch])}'`
  return inPlace(
    place,
    command,
    `${rendered}   # or, in ${object.metadata.name}: ${value === null ? `without ${key}` : `${key}: "${value}"`}`,
  )
}

const each = (facts: Facts, find: (placed: PlacedTrigger) => Finding | null): readonly Finding[] =>
  queueTriggers(facts).flatMap((placed) => find(placed) ?? [])

const otherQueue: Check = {
  id: 'trigger-other-queue',
  title: "a trigger that reads another queue than its function's",
  find: (facts) =>
    each(facts, (placed) => {
      const { plan, subject } = placed
      const queue = metadataOf(placed, 'queueName')
      if (!plan || queue === undefined || queue === plan.queue || metadataOf(placed, 'useRegex') === 'true') return null
      const kept =
        queue === deadQueueOf(plan.queue)
          ? 'Those are the dead letters, which the function does not consume.'
          : queue === historyOf(plan.exchange) ||
              managementOf(facts)?.queues.find(({ name }) => name === queue)?.type === 'stream'
            ? 'That is a stream: its length never falls, so it never sleeps.'
            : 'Its own queue may fill up and nothing wakes it, or it runs for nothing.'
      return {
        severity: 'error',
        subject,
        what: `The trigger reads queue '${queue}', the function consumes '${plan.queue}'.`,
        why: kept,
        evidence: [`queueName is '${queue}'`, `the spec of ${plan.name} says queue '${plan.queue}'`],
        mend: [setMetadata(placed, 'queueName', plan.queue)],
      }
    }),
}

const triggerVhost: Check = {
  id: 'trigger-vhost',
  title: "a trigger with another vhost than the function's, or one that is encoded",
  find: (facts) =>
    each(facts, (placed) => {
      const { place, plan, subject } = placed
      const vhost = metadataOf(placed, 'vhostName')
      if (vhost === undefined) return null
      const encoded = /%[0-9a-f]{2}/i.test(vhost)
      const spaced = vhost.includes(' ')
      const deployment = place.deployments.find(({ metadata }) => metadata.name === plan?.name)
      const container = deployment && functionContainer(deployment)
      const own = container ? settingsOf(place, container).AMQP_VHOST : undefined
      const differs = own !== undefined && own !== vhost
      if (!encoded && !spaced && !differs) return null
      return {
        severity: 'error',
        subject,
        what: encoded
          ? `vhostName '${vhost}' is percent-encoded.`
          : spaced
            ? `vhostName '${vhost}' has a space.`
            : `The trigger asks for vhost '${vhost}', the function uses '${own}'.`,
        why: encoded
          ? 'KEDA encodes it itself: it asks for a vhost of this very name, and finds no queue.'
          : spaced
            ? 'KEDA makes a + of a space, which the management takes for a plus: it finds no queue.'
            : 'KEDA looks at another queue, or at none.',
        evidence: [`vhostName is '${vhost}'`, ...(differs ? [`AMQP_VHOST of ${plan?.name} is '${own}'`] : [])],
        mend: spaced
          ? [
              setMetadata(placed, 'vhostName', null),
              `RABBITMQ_MANAGEMENT_URL=http://HOST:15672/${encodeURIComponent(vhost)}   # in the ConfigMap broker: it ends in the vhost, encoded`,
            ]
          : [setMetadata(placed, 'vhostName', encoded ? decodeURIComponent(vhost) : (own ?? ''))],
      }
    }),
}

const triggerHost: Check = {
  id: 'trigger-host',
  title: 'an address in a trigger that KEDA cannot read, or a login in it',
  find: (facts) =>
    each(facts, (placed) => {
      const host = metadataOf(placed, 'host')
      if (host === undefined) return null
      const url = URL.parse(host)
      const readable = url !== null && /^(amqps?|https?):$/.test(url.protocol) && url.hash === '' && url.search === ''
      if (readable && url.password === '') return null
      return {
        severity: readable ? 'warning' : 'error',
        subject: placed.subject,
        what: readable ? 'A password stands in the trigger.' : 'KEDA cannot read the address in host.',
        why: readable
          ? 'Everybody who may read the object reads it; and special characters in it must be percent-encoded.'
          : 'A # or / in a password ends the address early: KEDA asks another host, or none, and nothing wakes up.',
        evidence: [`host has the scheme ${url?.protocol ?? 'none'}${url?.username ? ', and a user' : ''}`],
        mend: [
          setMetadata(placed, 'host', null),
          `${rendered}   # its TriggerAuthentication takes address, username and password from a ConfigMap and a Secret, as they are`,
        ],
      }
    }),
}

/** pkg/scalers/rabbitmq_scaler.go of KEDA 2.20, with what every trigger may have from the environment of its target. */
const known = [
  'queueName',
  'mode',
  'value',
  'queueLength',
  'activationValue',
  'host',
  'hostFromEnv',
  'protocol',
  'vhostName',
  'excludeUnacknowledged',
  'useRegex',
  'pageSize',
  'operation',
  'timeout',
  'unsafeSsl',
  'usernameFromEnv',
  'passwordFromEnv',
  'workloadIdentityResource',
]

const triggerKeys: Check = {
  id: 'trigger-metadata',
  title: 'metadata of a trigger that KEDA does not know, refuses or drops soon',
  find: (facts) =>
    each(facts, (placed) => {
      const metadata = Object.entries(placed.trigger.metadata ?? {})
      const unknown = metadata.map(([key]) => key).filter((key) => !known.includes(key))
      const numbers = metadata.filter(([, value]) => typeof value !== 'string').map(([key]) => key)
      const old = metadata.some(([key]) => key === 'queueLength')
      if (unknown.length + numbers.length === 0 && !old) return null
      return {
        severity: unknown.length + numbers.length > 0 ? 'error' : 'warning',
        subject: placed.subject,
        what: 'The trigger has metadata that KEDA does not take as it is meant.',
        why: 'What KEDA does not know it ignores without a word, so its default holds; what is no string the API server refuses; queueLength goes away.',
        evidence: [
          ...unknown.map((key) => {
            const meant = nearest(key, known)
            return `${key} is unknown${meant === null ? '' : `; ${meant} is known`}`
          }),
          ...numbers.map((key) => `${key} is no string`),
          ...(old ? ['queueLength is deprecated, and with mode or value an error'] : []),
        ],
        mend: old
          ? [
              setMetadata(placed, 'queueLength', null),
              setMetadata(placed, 'mode', 'QueueLength'),
              setMetadata(placed, 'value', metadataOf(placed, 'queueLength') ?? '20'),
            ]
          : [`${rendered}   # or mend these keys; values are strings: value: "20"`],
      }
    }),
}

/** It sees ready messages only: what is being handled is not in its number. */
const seesReadyOnly = (placed: PlacedTrigger): boolean =>
  metadataOf(placed, 'protocol') === 'amqp' || metadataOf(placed, 'excludeUnacknowledged') === 'true'

const amqpLong: Check = {
  id: 'ready-only-long-handlers',
  title: 'a trigger that sees ready messages only, with handlers that outlive the cooldown',
  find: (facts) =>
    each(facts, (placed) => {
      const { plan, object, kind, place } = placed
      if (!plan?.scaling || kind !== 'ScaledObject' || !seesReadyOnly(placed)) return null
      const { cooldownPeriod: cooldown = 300 } = object.spec as { cooldownPeriod?: number }
      const { timeoutMs } = plan.scaling
      const longest = Math.ceil(timeoutMs / 1000)
      if (cooldown >= longest) return null
      const { cooldownReadySeconds } = plan.scaling
      const command = `patch scaledobject ${object.metadata.name} --type=merge -p '{"spec":{"cooldownPeriod":${cooldownReadySeconds}}}'`
      return {
        severity: 'error',
        subject: placed.subject,
        what: `The trigger does not see what is being handled, and a handler may take ${longest} s, longer than the cooldown of ${cooldown} s.`,
        why: 'To KEDA a busy function looks idle: it is scaled to zero in one step while its handlers run, and what they did not finish is done again.',
        evidence: [
          metadataOf(placed, 'protocol') === 'amqp'
            ? 'protocol is amqp: ready messages only'
            : 'excludeUnacknowledged is true',
          `timeoutMs of ${plan.name} is ${timeoutMs}, cooldownPeriod is ${cooldown}`,
        ],
        mend: [inPlace(place, command, 'keda/http in place of keda/amqp in the components of the overlay')],
      }
    }),
}

const excludedJobs: Check = {
  id: 'scaledjob-ready-only',
  title: 'a ScaledJob that counts ready messages with a strategy that counts running Jobs too',
  find: (facts) =>
    each(facts, (placed) => {
      if (placed.kind !== 'ScaledJob') return null
      const { scalingStrategy, rollout } = placed.object.spec as {
        scalingStrategy?: { strategy?: string }
        rollout?: { strategy?: string }
      }
      const strategy = scalingStrategy?.strategy ?? 'default'
      const starves = seesReadyOnly(placed) && strategy === 'default'
      const deletes = rollout?.strategy !== 'gradual'
      if (!starves && !deletes) return null
      return {
        severity: 'error',
        subject: placed.subject,
        what: starves
          ? 'Running Jobs are taken off a number that they are not in.'
          : 'A change of this ScaledJob ends its running Jobs.',
        why: starves
          ? 'With strategy default KEDA starts as many Jobs as messages less those that run: while one works the next message waits.'
          : 'rollout.strategy is default: KEDA deletes Jobs that run on each change.',
        evidence: starves
          ? [`strategy is ${strategy}, and unacked messages are not counted`]
          : [`rollout.strategy is ${rollout?.strategy ?? 'not set'}`],
        mend: [
          inPlace(
            placed.place,
            `patch scaledjob ${placed.object.metadata.name} --type=merge -p '${JSON.stringify({ spec: starves ? { scalingStrategy: { strategy: 'accurate' } } : { rollout: { strategy: 'gradual' } } })}'`,
            rendered,
          ),
        ],
      }
    }),
}

/** How triggers read their queues. */
export const triggerChecks = [otherQueue, triggerVhost, triggerHost, triggerKeys, amqpLong, excludedJobs]
