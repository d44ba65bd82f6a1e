import { amqpOf, clustersOf, managementOf } from '../facts.ts'
import type { Check } from '../finding.ts'
import { atLeast } from '../version.ts'

const alarm: Check = {
  id: 'broker-alarm',
  title: 'an alarm of the broker: it takes no message',
  find: (facts) =>
    (managementOf(facts)?.nodes ?? [])
      .filter(({ memoryAlarm, diskAlarm }) => memoryAlarm || diskAlarm)
      .map(({ name, memoryAlarm }) => ({
        severity: 'error',
        subject: `node ${name}`,
        what: `The broker is in ${memoryAlarm ? 'memory' : 'disk'} alarm.`,
        why: 'It takes no message from anybody until that is over: producers stand still, and so do retries and dead letters, with the acks behind them.',
        evidence: [`${memoryAlarm ? 'mem_alarm' : 'disk_free_alarm'} is set`],
        mend: memoryAlarm
          ? [
              'rabbitmq-diagnostics memory_breakdown',
              "rabbitmqctl set_vm_memory_high_watermark 0.6   # until the next start; give the broker's container more memory to keep it",
            ]
          : [
              'rabbitmq-diagnostics status   # which folder, and how much is free',
              'df -h   # make room, or give the volume more',
            ],
      })),
}

const nodeDown: Check = {
  id: 'node-down',
  title: 'a node of the broker that does not run',
  find: (facts) =>
    (managementOf(facts)?.nodes ?? [])
      .filter(({ running }) => !running)
      .map(({ name }) => ({
        severity: 'error',
        subject: `node ${name}`,
        what: 'This node of the broker does not run.',
        why: 'Queues with half of their members or more on such nodes have no leader: nothing goes in or out.',
        evidence: ['the management lists it as not running'],
        mend: [
          `rabbitmqctl -n ${name} start_app`,
          `rabbitmqctl forget_cluster_node ${name}   # if it is gone for good`,
        ],
      })),
}

const statsDisabled: Check = {
  id: 'stats-disabled',
  title: 'statistics that are off: KEDA reads every queue as empty',
  find: (facts) => {
    const management = managementOf(facts)
    if (!management?.statsDisabled) return []
    return [
      {
        severity: 'error',
        subject: `broker ${facts.broker.address}`,
        what: 'The broker keeps no statistics of its queues.',
        why: 'Where the management has no length of a queue, KEDA with protocol http reads 0: nothing wakes up, and what runs is scaled to zero.',
        evidence: ['the management says that its statistics are disabled'],
        mend: [
          'management_agent.disable_metrics_collector = false   # in rabbitmq.conf, and the same for management.disable_stats; then restart',
        ],
      },
    ]
  },
}

/** A queue has no counts in its first seconds. */
const queueUncounted: Check = {
  id: 'queue-uncounted',
  title: 'a queue whose length the management does not know',
  passing: true,
  find: (facts) => {
    const management = managementOf(facts)
    if (!management || management.statsDisabled) return []
    return management.queues
      .filter(({ name, messages }) => messages === null && facts.functions.some(({ queue }) => queue === name))
      .map(({ name, state }) => ({
        severity: 'error',
        subject: `queue ${name}`,
        what: 'The management has no length of this queue.',
        why: 'KEDA with protocol http reads 0 then: nothing wakes up.',
        evidence: [`the field messages is missing, and its state is ${state ?? 'not said'}`],
        mend: ['rabbitmqctl list_queues name type state messages leader online'],
      }))
  },
}

/** Below it nothing is tried; the series before it get no security fixes. */
const [oldest, current] = ['3.10.0', '4.2.0']

const oldBroker: Check = {
  id: 'rabbitmq-old',
  title: 'a RabbitMQ that is too old',
  find: (facts) => {
    const version = managementOf(facts)?.version ?? amqpOf(facts)?.version
    if (version === undefined || atLeast(version, current)) return []
    const unsupported = !atLeast(version, oldest)
    return [
      {
        severity: unsupported ? 'error' : 'note',
        subject: `broker ${facts.broker.address}`,
        what: `RabbitMQ ${version} is ${unsupported ? 'older than anything that is tried here' : 'of a series that gets no fixes any more'}.`,
        why: unsupported
          ? 'Below 3.10 there is no dead-lettering without loss (at-least-once), on which the delivery contract rests.'
          : 'Everything works on it: all of it is tested from 3.10 on. But holes in it stay open.',
        evidence: [`the broker says ${version}`],
        mend: ['rabbitmqctl enable_feature_flag all   # before each step: 3.13, 4.0, 4.2, 4.3'],
      },
    ]
  },
}

const deprecatedFeatures: Check = {
  id: 'deprecated-features',
  title: 'features that the next version of RabbitMQ refuses',
  find: (facts) => {
    const used = managementOf(facts)?.deprecated ?? []
    // n.b. the management itself uses it wherever statistics are on.
    const ours = used.filter((name) => name !== 'management_metrics_collection')
    if (ours.length === 0) return []
    return [
      {
        severity: 'note',
        subject: `broker ${facts.broker.address}`,
        what: 'Something on this broker uses features that are going away.',
        why: 'The next version may refuse them; what uses them then fails. Nothing of kedafn does.',
        evidence: ours.map((name) => `in use: ${name}`),
        mend: ['rabbitmqctl list_deprecated_features --used'],
      },
    ]
  },
}

/** Less is what answers and the rounding to seconds take. */
const toleratedMs = 30_000

const clockSkew: Check = {
  id: 'clock-skew',
  title: 'clocks that differ',
  find: (facts) => {
    const clocks = [
      { who: `broker ${facts.broker.address}`, clock: managementOf(facts)?.clock ?? null },
      ...clustersOf(facts).map(({ name, clock }) => ({ who: `the API server of ${name}`, clock })),
    ]
    return clocks.flatMap(({ who, clock }) => {
      if (clock === null || Math.abs(clock - facts.now) <= toleratedMs) return []
      return [
        {
          severity: 'warning' as const,
          subject: who,
          what: `Its clock and the one of this machine differ by ${Math.round(Math.abs(clock - facts.now) / 1000)} s.`,
          why: 'Ages of messages, the limit retry.maxAgeMs, certificates and the 7 days of the history go by clocks: messages may be given up too early, and the times in logs mislead.',
          evidence: [`there it is ${new Date(clock).toISOString()}`, `here it is ${new Date(facts.now).toISOString()}`],
          mend: ['timedatectl set-ntp true   # on whichever machine is wrong; timedatectl status shows it'],
        },
      ]
    })
  },
}

/** The broker as a whole. */
export const brokerChecks = [alarm, nodeDown, statsDisabled, queueUncounted, oldBroker, deprecatedFeatures, clockSkew]
