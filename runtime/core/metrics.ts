import type { Counters } from './counters.ts'
import type { ErrorCode } from './errors.ts'
import { drainOutcomes } from './lifecycle.ts'

/**
 * Every metric of the runtime, in one table: `/metrics`, `docs/reference/metrics.md` and the types of the port follow it.
 * Names of `messaging.` and `faas.` are those of OpenTelemetry's semantic conventions (messaging and FaaS metrics, v1.44),
 * and so are their units and bounds; all others are our own.
 */
export interface Metric {
  readonly kind: 'counter' | 'gauge' | 'histogram'
  /** UCUM, as OpenTelemetry writes it: `s`, `By`, `{delivery}`. */
  readonly unit: string
  readonly description: string
  /** The kind of function that has it. */
  readonly of: 'consumer' | 'producer' | 'both'
  /**
   * The label that varies, with every value it can have; '' leaves it out. Each of them is there, at 0, from the beginning; the last
   * stands for whatever is not in the list.
   */
  readonly label?: { readonly name: string; readonly values: readonly string[] }
  /** Labels that never vary. */
  readonly fixed?: Readonly<Record<string, string>>
  /** Upper bounds of a histogram's buckets. */
  readonly bounds?: readonly number[]
  /** The totals that it shows, by value of its label. */
  readonly totals?: Readonly<Record<string, keyof Counters>>
}

/** The bounds that the conventions give for durations in s. */
const seconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
/** A start takes tens of ms without a container, seconds in a cluster that is busy. */
const startSeconds = [0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Ages of messages: a queue that is followed, one that waits for a start, and backlogs up to a day. */
const ageSeconds = [1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600, 14400, 86400]

/** What an attempt can fail of and be tried again; FN_CRASH_LOOP is a delivery marked to be handled alone. */
const retryCodes: readonly ErrorCode[] = [
  ...(['FN_HANDLER_FAILED', 'FN_HANDLER_TIMEOUT', 'FN_OUTCOME_INVALID', 'FN_CRASH_LOOP'] as const),
]
/** What a message can die of. */
const deadCodes: readonly ErrorCode[] = [
  ...(['FN_ATTEMPTS_EXHAUSTED', 'FN_TOO_OLD', 'FN_DROPPED', 'FN_DECODE_FAILED', 'FN_CRASH_LOOP'] as const),
  ...(['FN_MAP_FAILED', 'FN_MESSAGE_TOO_LARGE', 'FN_LINE_TOO_LONG'] as const),
]

/** What can end a session with the broker. */
const sessionEnds = [
  ...(['heartbeat', 'socket', 'broker_shutdown', 'channel_error', 'connection_error'] as const),
  ...(['consumer_cancelled', 'publish_refused', 'other'] as const),
] as const

const rabbitmq = { 'messaging.system': 'rabbitmq' }

export const metrics = {
  'messaging.client.sent.messages': {
    kind: 'counter',
    unit: '{message}',
    of: 'both',
    description:
      'Publishes that the broker answered: confirmed, or not (error.type). A consumer publishes retries and dead letters.',
    fixed: { ...rabbitmq, 'messaging.operation.name': 'publish' },
    label: { name: 'error.type', values: ['', 'unroutable', 'refused', '_OTHER'] },
  },
  'messaging.client.consumed.messages': {
    kind: 'counter',
    unit: '{message}',
    of: 'consumer',
    description:
      'Messages that came from the broker, each time they came. Each brings one delivery, or as many as it has lines.',
    fixed: { ...rabbitmq, 'messaging.operation.name': 'consume' },
    totals: { '': 'messages' },
  },
  'messaging.client.operation.duration': {
    kind: 'histogram',
    unit: 's',
    of: 'both',
    description: "From a publish to the broker's confirm, across sessions that were lost meanwhile.",
    fixed: { ...rabbitmq, 'messaging.operation.name': 'publish' },
    bounds: seconds,
  },
  'messaging.process.duration': {
    kind: 'histogram',
    unit: 's',
    of: 'consumer',
    description: 'How long the handler took for a batch. error.type: it threw, timed out or gave all of it up.',
    fixed: { ...rabbitmq, 'messaging.operation.name': 'process' },
    label: {
      name: 'error.type',
      values: ['', 'FN_HANDLER_FAILED', 'FN_HANDLER_TIMEOUT', 'FN_DROPPED', '_OTHER'],
    },
    bounds: seconds,
  },
  'faas.coldstarts': {
    kind: 'counter',
    unit: '{coldstart}',
    of: 'both',
    description: 'Starts of a process: 1 once it did its first work.',
  },
  'faas.init_duration': {
    kind: 'histogram',
    unit: 's',
    of: 'both',
    description: 'From the start of the process to a session with the broker that consumes or publishes.',
    bounds: startSeconds,
  },
  'kedafn.coldstart.phase.duration': {
    kind: 'gauge',
    unit: 's',
    of: 'both',
    description:
      'The start by phase: boot (Node and the bundle), init (setup, connecting, topology), work (to the first ack or confirm).',
    label: { name: 'phase', values: ['boot', 'init', 'work'] },
  },
  'kedafn.deliveries.settled': {
    kind: 'counter',
    unit: '{delivery}',
    of: 'consumer',
    description: 'Deliveries by what became of them. With those in flight they add up to all that were consumed.',
    label: { name: 'outcome', values: ['acked', 'repeated', 'retried', 'dead', 'handed_back', 'lost'] },
    totals: {
      acked: 'acked',
      repeated: 'repeated',
      retried: 'retried',
      dead: 'dead',
      handed_back: 'handedBack',
      lost: 'lost',
    },
  },
  'kedafn.deliveries.redelivered': {
    kind: 'counter',
    unit: '{delivery}',
    of: 'consumer',
    description:
      'Deliveries that came with the redelivered flag: another consumer, or an earlier session, had them before.',
    totals: { '': 'redelivered' },
  },
  'kedafn.deliveries.in_flight': {
    kind: 'gauge',
    unit: '{delivery}',
    of: 'consumer',
    description: 'Deliveries that are neither settled nor given up: with the handler, waiting for it, or being moved.',
  },
  'kedafn.deliveries.waiting': {
    kind: 'gauge',
    unit: '{delivery}',
    of: 'consumer',
    description: 'Deliveries prefetched and not yet given to a handler.',
  },
  'kedafn.message.age': {
    kind: 'histogram',
    unit: 's',
    of: 'consumer',
    description:
      'From the timestamp of a message, in whole seconds, to its first delivery here: first attempts only, and messages that have one.',
    bounds: ageSeconds,
  },
  'kedafn.handlers.running': {
    kind: 'gauge',
    unit: '{batch}',
    of: 'consumer',
    description: 'Batches in the hands of a handler.',
  },
  'kedafn.batch.size': {
    kind: 'histogram',
    unit: '{delivery}',
    of: 'consumer',
    description: 'Deliveries that a handler got at once.',
    bounds: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000],
  },
  'kedafn.delivery.attempts': {
    kind: 'histogram',
    unit: '{attempt}',
    of: 'consumer',
    description: 'Attempts that a message had had when it was done with: acked, or moved to dead letters.',
    bounds: [1, 2, 3, 4, 5, 10, 20, 50, 100],
  },
  'kedafn.retries': {
    kind: 'counter',
    unit: '{delivery}',
    of: 'consumer',
    description: 'Deliveries moved to a retry queue, or tried again in their place, by cause of the last failure.',
    label: { name: 'cause', values: [...retryCodes, 'other'] },
  },
  'kedafn.dead_letters': {
    kind: 'counter',
    unit: '{message}',
    of: 'both',
    description: 'Messages moved to dead letters, by cause.',
    label: { name: 'cause', values: [...deadCodes, 'other'] },
  },
  'kedafn.broker.reconnects': {
    kind: 'counter',
    unit: '{session}',
    of: 'both',
    description: 'Sessions with the broker that ended without our doing, by cause.',
    label: { name: 'cause', values: sessionEnds },
  },
  'kedafn.broker.blocked': {
    kind: 'counter',
    unit: 's',
    of: 'both',
    description: 'How long the broker has blocked publishing on connections of this process, by an alarm.',
  },
  'kedafn.publisher.unconfirmed': {
    kind: 'gauge',
    unit: '{message}',
    of: 'both',
    description: 'The part of the window in use: messages published and not confirmed.',
  },
  'kedafn.publisher.window': {
    kind: 'gauge',
    unit: '{message}',
    of: 'both',
    description: 'The window: the most messages that may be published and not confirmed.',
  },
  'kedafn.lines': {
    kind: 'counter',
    unit: '{line}',
    of: 'producer',
    description:
      'Lines by what became of them: handed to the publisher, confirmed, skipped by map. Those confirmed by messages confirmed are the lines in a message.',
    label: { name: 'outcome', values: ['sent', 'confirmed', 'skipped'] },
    totals: { sent: 'sent', confirmed: 'confirmed', skipped: 'skipped' },
  },
  'kedafn.checkpoint.lag.lines': {
    kind: 'gauge',
    unit: '{line}',
    of: 'producer',
    description: 'Lines sent that the saved checkpoint has not passed: at most so many are sent again after a crash.',
  },
  'kedafn.checkpoint.lag': {
    kind: 'gauge',
    unit: 'By',
    of: 'producer',
    description: 'Bytes read that the saved checkpoint has not passed, while both are in the same file.',
  },
  'kedafn.checkpoint.age': {
    kind: 'gauge',
    unit: 's',
    of: 'producer',
    description:
      'For how long something sent has been without a newer checkpoint; 0 while the checkpoint is behind nothing.',
  },
  'kedafn.drain.running': {
    kind: 'gauge',
    unit: '{drain}',
    of: 'both',
    description: '1 from the signal to stop until the process ends.',
  },
  'kedafn.drain.duration': {
    kind: 'gauge',
    unit: 's',
    of: 'both',
    description: 'How long the drain has taken so far; 0 before there is one.',
  },
  'kedafn.drain.outcome': {
    kind: 'gauge',
    unit: '{drain}',
    of: 'both',
    description:
      'What is known of the drain: 1 for one outcome, all 0 before there is a drain. aborted: handlers were told to give up. The process ends at once with all but pending and aborted: those are in the log line `ended` too.',
    label: { name: 'outcome', values: drainOutcomes },
  },
} as const satisfies Readonly<Record<string, Metric>>

export type MetricName = keyof typeof metrics
type Kind<K extends Metric['kind']> = {
  [N in MetricName]: (typeof metrics)[N] extends { kind: K; totals?: never } ? N : never
}[MetricName]
/** Counters that are no totals of others. */
export type CounterName = Kind<'counter'>
export type GaugeName = Kind<'gauge'>
export type HistogramName = Kind<'histogram'>

const suffixes: Readonly<Record<string, string>> = { s: '_seconds', By: '_bytes' }

/**
 * A metric's name in Prometheus' words, by OpenTelemetry's rules of compatibility: underscores, then the unit, then `_total`.
 * n.b. exporter-prometheus adds no units of its own, but the `_total`.
 */
export function prometheusName(name: string, { kind, unit }: Pick<Metric, 'kind' | 'unit'>): string {
  return `${name.replaceAll('.', '_')}${suffixes[unit] ?? ''}${kind === 'counter' ? '_total' : ''}`
}

export const labelValuesOf = ({ label, totals }: Metric): readonly string[] =>
  label?.values ?? (totals ? Object.keys(totals) : [''])

/** Those of one kind of function. */
export function metricsOf(of: 'consumer' | 'producer'): readonly (readonly [MetricName, Metric])[] {
  return (Object.entries(metrics) as [MetricName, Metric][]).filter(
    ([, metric]) => metric.of === of || metric.of === 'both',
  )
}
