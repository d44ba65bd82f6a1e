import type { Work } from '../../dev/autoscaler/recording.ts'
import { atOnce, behavior, eager, spec, type Trace, type TraceStep, trigger } from './trace.ts'

const staircase: readonly TraceStep[] = [
  { at: 5, publish: 45 },
  { at: 35, publish: 75 },
  { at: 65, take: 90 },
  { at: 95, take: 30 },
]
const held: readonly TraceStep[] = [
  { at: 5, publish: 40 },
  { at: 25, hold: 40 },
  { at: 75, finish: 40 },
]

const goneFrom = (from: number, until: number): readonly TraceStep[] => [
  { at: 5, publish: 15 },
  { at: from, change: 'delete queue' },
  { at: until, change: 'declare queue' },
]
const work: Work = { coldStartMs: 1000, handlerMs: 1000, batchSize: 5, prefetch: 10 }
const unhurried = behavior({}, { stabilizationWindowSeconds: 15 })
const waves: readonly TraceStep[] = [
  { at: 5, publish: 300 },
  ...Array.from({ length: 20 }, (_, index) => ({ at: 70 + index, publish: 12 })),
  { at: 130, publish: 8 },
  { at: 140, publish: 400 },
]

export const traces: Readonly<Record<string, Trace>> = {
  'http-staircase': {
    about: 'Two steps up, two down, as the management counts them.',
    ...{ spec: spec('http', eager), steps: staircase, seconds: 135 },
  },
  'amqp-staircase': {
    about: 'The same steps, as a passive declare counts them.',
    ...{ spec: spec('amqp', eager), steps: staircase, seconds: 125 },
  },
  'http-unacked': {
    about: 'Every message is held by a consumer for 50 s: http counts it.',
    ...{ spec: spec('http', eager), steps: held, seconds: 115 },
  },
  'amqp-unacked': {
    about:
      'Every message is held by a consumer for 50 s: amqp sees an empty queue, and all replicas are gone after the cooldown.',
    ...{ spec: spec('amqp', eager), steps: held, seconds: 100 },
  },
  'http-ready-only': {
    about: 'http with excludeUnacknowledged: what is held does not count.',
    spec: spec('http', { ...eager, triggers: [trigger('http', { metadata: { excludeUnacknowledged: 'true' } })] }),
    ...{ steps: held, seconds: 100 },
  },
  activation: {
    about: 'activationValue 5: 5 messages are not enough, 6 are; below it the cooldown begins.',
    spec: spec('amqp', { triggers: [trigger('amqp', { metadata: { activationValue: '5' } })] }),
    steps: [
      { at: 5, publish: 5 },
      { at: 25, publish: 1 },
      { at: 45, take: 3 },
    ],
    seconds: 75,
  },
  'cooldown-boundary': {
    about: 'A gap shorter than the cooldown of 20 s keeps the replica, a longer one does not.',
    spec: spec('amqp', { cooldownPeriod: 20 }),
    steps: [
      { at: 5, publish: 3 },
      { at: 15, take: 3 },
      { at: 29, publish: 3 },
      { at: 37, take: 3 },
      { at: 75, publish: 3 },
      { at: 83, take: 3 },
    ],
    seconds: 120,
  },
  stabilisation: {
    about: 'A window of 20 s for scale-out and of 40 s for scale-in: short peaks and short dips change nothing.',
    spec: spec('amqp', {
      cooldownPeriod: 60,
      ...behavior({ stabilizationWindowSeconds: 20 }, { stabilizationWindowSeconds: 40 }),
    }),
    steps: [
      { at: 5, publish: 10 },
      { at: 30, publish: 60 },
      { at: 40, take: 60 },
      { at: 65, publish: 60 },
      { at: 105, take: 50 },
      { at: 120, publish: 50 },
      { at: 140, take: 60 },
    ],
    seconds: 220,
  },
  'default-rules': {
    about: 'No behaviour: doubling, at least to 4, and the window of 300 s before the first scale-in.',
    spec: spec('amqp', { minReplicaCount: 1, cooldownPeriod: 30 }),
    steps: [
      { at: 5, publish: 200 },
      { at: 50, take: 180 },
    ],
    seconds: 390,
  },
  'max-clamp': {
    about: 'Between a minimum of 2 and a maximum of 6, whatever the queue.',
    spec: spec('http', { minReplicaCount: 2, maxReplicaCount: 6, ...eager }),
    steps: [
      { at: 10, publish: 500 },
      { at: 50, take: 470 },
      { at: 80, take: 30 },
    ],
    seconds: 120,
  },
  policies: {
    about: 'Out by 2 pods in 15 s, in by half in 20 s.',
    spec: spec('amqp', {
      cooldownPeriod: 60,
      ...behavior(
        { policies: [{ type: 'Pods', value: 2, periodSeconds: 15 }] },
        { ...atOnce, policies: [{ type: 'Percent', value: 50, periodSeconds: 20 }] },
      ),
    }),
    steps: [
      { at: 5, publish: 90 },
      { at: 100, take: 80 },
    ],
    seconds: 190,
  },
  'policies-min': {
    about: 'Of two policies the one that changes least, out and in.',
    spec: spec('amqp', {
      cooldownPeriod: 60,
      ...behavior(
        {
          selectPolicy: 'Min',
          policies: [
            { type: 'Pods', value: 3, periodSeconds: 15 },
            { type: 'Percent', value: 100, periodSeconds: 15 },
          ],
        },
        {
          ...atOnce,
          selectPolicy: 'Min',
          policies: [
            { type: 'Pods', value: 4, periodSeconds: 15 },
            { type: 'Percent', value: 25, periodSeconds: 15 },
          ],
        },
      ),
    }),
    steps: [
      { at: 5, publish: 120 },
      { at: 100, take: 100 },
    ],
    seconds: 200,
  },
  'scale-in-disabled': {
    about: 'selectPolicy Disabled for scale-in: only KEDA lets replicas go, all at once.',
    spec: spec('amqp', behavior({}, { selectPolicy: 'Disabled' })),
    steps: [
      { at: 5, publish: 60 },
      { at: 35, take: 50 },
      { at: 65, take: 10 },
    ],
    seconds: 100,
  },
  paused: {
    about: 'Annotation paused, from second 30 to 75: nothing moves, and what was missed is made up for after it.',
    spec: spec('amqp', eager),
    steps: [
      { at: 5, publish: 40 },
      { at: 30, annotate: { paused: 'true' } },
      { at: 40, publish: 60 },
      { at: 75, annotate: { paused: null } },
      { at: 105, take: 100 },
    ],
    seconds: 140,
  },
  'paused-asleep': {
    about: 'Paused before the first message: nothing wakes it.',
    spec: spec('amqp'),
    annotations: { paused: 'true' },
    steps: [
      { at: 5, publish: 25 },
      { at: 40, annotate: { paused: null } },
    ],
    seconds: 70,
  },
  'paused-replicas': {
    about: 'Annotation paused-replicas 3, from second 30 to 65, with a full queue.',
    spec: spec('amqp', eager),
    steps: [
      { at: 5, publish: 60 },
      { at: 30, annotate: { 'paused-replicas': '3' } },
      { at: 65, annotate: { 'paused-replicas': null } },
      { at: 95, take: 60 },
    ],
    seconds: 130,
  },
  'paused-directions': {
    about: 'Scale-in is paused, then scale-out.',
    spec: spec('amqp', eager),
    annotations: { 'paused-scale-in': 'true' },
    steps: [
      { at: 5, publish: 50 },
      { at: 35, take: 40 },
      { at: 60, annotate: { 'paused-scale-in': null } },
      { at: 85, annotate: { 'paused-scale-out': 'true' } },
      { at: 95, publish: 50 },
      { at: 120, annotate: { 'paused-scale-out': null } },
    ],
    seconds: 150,
  },
  'fallback-static': {
    about: 'Its queue is deleted for 50 s: 4 replicas after the third failure.',
    spec: spec('http', { ...eager, fallback: { failureThreshold: 3, replicas: 4 } }),
    ...{ steps: goneFrom(40, 90), seconds: 140 },
  },
  'fallback-higher': {
    about: 'The management is not reached for 50 s: the fallback to 3 keeps the 6 that there are.',
    spec: spec('http', {
      ...eager,
      fallback: { failureThreshold: 3, replicas: 3, behavior: 'currentReplicasIfHigher' },
    }),
    breakable: true,
    steps: [
      { at: 5, publish: 55 },
      { at: 45, change: 'break connection' },
      { at: 95, change: 'mend connection' },
      { at: 110, take: 35 },
    ],
    seconds: 145,
  },
  'amqp-unreachable': {
    about: 'Over amqp the broker is not reached for 50 s: there is no fallback, nothing moves.',
    spec: spec('amqp', { ...eager, fallback: { failureThreshold: 3, replicas: 6 } }),
    breakable: true,
    steps: [
      { at: 5, publish: 25 },
      { at: 35, change: 'break connection' },
      { at: 85, change: 'mend connection' },
      { at: 105, take: 25 },
    ],
    seconds: 140,
  },
  'no-fallback': {
    about: 'Its queue is deleted for 40 s, and there is no fallback: nothing moves.',
    spec: spec('http', eager),
    steps: [
      { at: 5, publish: 35 },
      { at: 40, change: 'delete queue' },
      { at: 80, change: 'declare queue' },
    ],
    seconds: 125,
  },
  'two-queues': {
    about: 'Two triggers: the one that wants more counts, and either keeps it awake.',
    spec: spec('amqp', {
      ...eager,
      triggers: [trigger('amqp'), trigger('amqp', { queue: 'other', metadata: { value: '5' } })],
    }),
    steps: [
      { at: 5, publish: 30 },
      { at: 30, queue: 'other', publish: 40 },
      { at: 60, take: 30 },
      { at: 85, queue: 'other', take: 30 },
      { at: 110, queue: 'other', take: 10 },
    ],
    seconds: 140,
  },
  'idle-replicas': {
    about: 'A minimum of 3 and idle replicas of 0.',
    spec: spec('amqp', { ...eager, minReplicaCount: 3, idleReplicaCount: 0 }),
    steps: [
      { at: 10, publish: 1 },
      { at: 30, publish: 49 },
      { at: 60, take: 50 },
    ],
    seconds: 100,
  },
  'initial-cooldown': {
    about: 'Made over 2 replicas with an empty queue: they stay for the initial cooldown of 30 s.',
    spec: spec('amqp', { initialCooldownPeriod: 30 }),
    replicas: 2,
    ...{ steps: [], seconds: 55 },
  },
  'made-over-replicas': {
    about: 'Made over 3 replicas with an empty queue: they go at once, whatever the cooldown.',
    spec: spec('amqp', { cooldownPeriod: 300 }),
    replicas: 3,
    ...{ steps: [{ at: 15, publish: 1 }], seconds: 40 },
  },
  'metric-value': {
    about: 'metricType Value: the ratio is multiplied by the pods that are ready.',
    spec: spec('amqp', { ...eager, maxReplicaCount: 8, triggers: [trigger('amqp', { metricType: 'Value' })] }),
    running: true,
    steps: [
      { at: 5, publish: 10 },
      { at: 30, publish: 10 },
      { at: 60, take: 10 },
      { at: 90, take: 5 },
      { at: 120, take: 5 },
    ],
    seconds: 150,
  },
  'cached-metrics': {
    about: 'useCachedMetrics: the HPA knows what the last poll saw, up to 20 s ago.',
    spec: spec('amqp', { ...eager, pollingInterval: 20, triggers: [trigger('amqp', { useCachedMetrics: true })] }),
    steps: [
      { at: 5, publish: 30 },
      { at: 50, publish: 50 },
      { at: 90, take: 80 },
    ],
    seconds: 150,
  },
  tolerance: {
    about: 'A tolerance of 50 % for scale-out and of 0 for scale-in.',
    spec: spec('amqp', behavior({ tolerance: '0.5' }, { ...atOnce, tolerance: '0' })),
    steps: [
      { at: 5, publish: 40 },
      { at: 35, publish: 18 },
      { at: 60, publish: 5 },
      { at: 85, take: 5 },
      { at: 110, take: 10 },
    ],
    seconds: 140,
  },
  'forced-activation': {
    about: 'Annotation force-activation from second 10 to 40, with an empty queue.',
    spec: spec('amqp'),
    steps: [
      { at: 10, annotate: { 'force-activation': 'true' } },
      { at: 40, annotate: { 'force-activation': null } },
    ],
    seconds: 75,
  },
  weather: {
    // n.b. where the period of a policy is a multiple of the sync, it is a matter of milliseconds which sync is the first that may.
    about: 'Bursts, silence and a trickle, over http with a value of 7.5; out by 4 or twice as many in 12 s.',
    spec: spec('http', {
      ...behavior(
        {
          policies: [
            { type: 'Pods', value: 4, periodSeconds: 12 },
            { type: 'Percent', value: 100, periodSeconds: 12 },
          ],
        },
        atOnce,
      ),
      triggers: [trigger('http', { metadata: { value: '7.5' } })],
    }),
    steps: [
      { at: 5, publish: 1 },
      { at: 20, publish: 80 },
      { at: 35, take: 40 },
      { at: 50, take: 41 },
      ...Array.from({ length: 15 }, (_, index) => ({ at: 95 + index * 4, publish: 2 })),
      { at: 160, take: 30 },
      { at: 200, publish: 200 },
      { at: 230, take: 100 },
      { at: 250, take: 100 },
    ],
    seconds: 295,
  },
  'fallback-amqp': {
    about:
      'Over amqp its queue is deleted for 45 s: unlike a broker that is not reached, this counts towards the fallback.',
    spec: spec('amqp', { ...eager, fallback: { failureThreshold: 3, replicas: 4 } }),
    ...{ steps: goneFrom(30, 75), seconds: 115 },
  },
  'fallback-cached': {
    about:
      'With useCachedMetrics its queue is deleted for 60 s: the HPA is told what the last poll made of it, fallback and all.',
    spec: spec('amqp', {
      ...eager,
      pollingInterval: 6,
      fallback: { failureThreshold: 3, replicas: 4 },
      triggers: [trigger('amqp', { useCachedMetrics: true })],
    }),
    ...{ steps: goneFrom(30, 90), seconds: 135 },
  },
  'work-amqp': {
    about:
      'At most 5 replicas that do 5 messages a second each, over amqp: a burst, a stream, a trickle, another burst.',
    spec: spec('amqp', { maxReplicaCount: 5, ...unhurried }),
    ...{ work, steps: waves, seconds: 210 },
  },
  'work-http': {
    about: 'The same over http.',
    spec: spec('http', { maxReplicaCount: 5, ...unhurried }),
    ...{ work, steps: waves, seconds: 220 },
  },
  'work-clamped': {
    about: 'At most 3 replicas, which a backlog keeps busy for a minute.',
    spec: spec('amqp', { maxReplicaCount: 3, ...eager }),
    ...{ work, steps: [{ at: 5, publish: 900 }], seconds: 110 },
  },
}
