import { dead, working } from './selectors.ts'

export interface Alert {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly severity: 'warning' | 'critical'
  /** What is the case, for whoever is woken. */
  readonly summary: string
  /** What follows from it, and what to look at first. */
  readonly description: string
}

/** n.b. Not one selector for all names: `increase` takes the names away, and equal labels are an error that keeps a rule silent. */
const dropped = ['rejected', 'expired', 'maxlen', 'delivery_limit'].map((reason) => {
  const counter = `rabbitmq_global_messages_dead_lettered_${reason}_total`
  return `sum(increase(${counter}{dead_letter_strategy="disabled"}[10m])) > 0`
})

/**
 * How often something happened to processes that did it before they were scraped first: `increase` takes the value that it sees first as
 * where a counter began. A pod that was woken by the very message that it gives up has done so by then, and a process that
 * dies of one counts nothing later.
 */
const before = (labels: string, counter: string): string =>
  `sum by (${labels}) (last_over_time(${counter}[10m]) unless last_over_time(${counter}[10m] offset 10m)) > 0`
const rises = (labels: string, counter: string): string =>
  `sum by (${labels}) (increase(${counter}[10m])) > 0 or ${before(labels, counter)}`

/** KEDA's metrics by the namespace of the object, however they are scraped. */
const ofObject = (asked: string): string => `label_replace(${asked}, "namespace", "$1", "exported_namespace", "(.+)")`
const alarms = '__name__=~"rabbitmq_alarms_(memory_used|free_disk_space)_watermark"'

/**
 * One alert for each symptom. Windows are several scrapes of 15 s; `for` is longer than a cold start. What may be over with its pod, before
 * a rule looks again, is asked `over_time`. KEDA's `exported_namespace` is kept beside `namespace`, whichever is set.
 */
export const alerts: readonly Alert[] = [
  {
    alert: 'KedafnNoConsumers',
    expr: `sum by (namespace, vhost, queue) (rabbitmq_detailed_queue_messages_ready{${working}}) > 0 and on (namespace, vhost, queue) sum by (namespace, vhost, queue) (rabbitmq_detailed_queue_consumers) == 0`,
    for: '5m',
    severity: 'critical',
    summary: 'Queue {{ $labels.queue }} has messages and no consumer',
    description:
      'Nothing is handled. Is the ScaledObject paused or in error, can pods not be scheduled, or do they fail at the start?',
  },
  {
    alert: 'KedafnBacklogGrows',
    expr: `sum by (namespace, vhost, queue) (deriv(rabbitmq_detailed_queue_messages{${working}}[15m])) > 0 and on (namespace, vhost, queue) sum by (namespace, vhost, queue) (rabbitmq_detailed_queue_messages) > 1000`,
    for: '15m',
    severity: 'warning',
    summary: 'Queue {{ $labels.queue }} has been growing for 15 minutes',
    description:
      'Consumers take less than comes. Look at kedafn_handlers_running, at handler durations, and at replicas against their maximum.',
  },
  {
    alert: 'KedafnAtMaxReplicas',
    expr: `label_replace(kube_horizontalpodautoscaler_status_desired_replicas{horizontalpodautoscaler=~"keda-hpa-.+"} >= on (namespace, horizontalpodautoscaler) kube_horizontalpodautoscaler_spec_max_replicas, "scaledObject", "$1", "horizontalpodautoscaler", "keda-hpa-(.+)") and on (namespace, scaledObject) max by (namespace, scaledObject) (${ofObject('deriv(keda_scaler_metrics_value[15m])')}) > 0`,
    for: '15m',
    severity: 'warning',
    summary: '{{ $labels.scaledObject }} is at its most replicas, and still behind',
    description:
      'More will not come. Raise scale.max, or make the handler faster; more replicas do not help where all wait for one database.',
  },
  {
    alert: 'KedafnDeadLetters',
    expr: `${rises('namespace, service_name, cause', 'kedafn_dead_letters_total')} or sum by (namespace, vhost, queue) (delta(rabbitmq_detailed_queue_messages{${dead}}[10m])) > 0`,
    severity: 'warning',
    summary: 'Messages were given up: {{ $labels.service_name }}{{ $labels.queue }} {{ $labels.cause }}',
    description:
      'They are kept in the dead-letter queue, with their cause. docs/reference/errors.md says what to do about each code.',
  },
  {
    alert: 'KedafnDeadLettersDropped',
    expr: dropped.join(' or '),
    severity: 'critical',
    summary: 'The broker dropped messages instead of dead-lettering them',
    description:
      'They are gone. Some queue has a limit and no dead-letter exchange: none of ours, if its topology is what was declared.',
  },
  {
    alert: 'KedafnUnroutable',
    expr: 'sum by (namespace, service_name) (increase(messaging_client_sent_messages_total{error_type="unroutable"}[5m])) > 0',
    severity: 'critical',
    summary: 'No queue takes what {{ $labels.service_name }} publishes',
    description:
      'The producer holds it and tries on: nothing is lost, nothing moves. Is the queue deleted, or its binding?',
  },
  {
    alert: 'KedafnScalerErrors',
    expr: 'sum by (namespace, exported_namespace, scaledObject) (increase(keda_scaled_object_errors_total[5m])) > 0',
    for: '5m',
    severity: 'critical',
    summary: 'KEDA cannot ask about {{ $labels.scaledObject }}',
    description:
      'It scales by nothing or by its fallback. Mostly the login in the TriggerAuthentication, or the management API is away.',
  },
  {
    alert: 'KedafnPausedTooLong',
    expr: 'max by (namespace, exported_namespace, scaledObject) (keda_scaled_object_paused) == 1',
    for: '1d',
    severity: 'warning',
    summary: '{{ $labels.scaledObject }} has been paused for a day',
    description: 'Somebody paused it and may have forgotten: remove the annotation autoscaling.keda.sh/paused.',
  },
  {
    alert: 'KedafnKedaDown',
    expr: 'absent(keda_build_info)',
    for: '10m',
    severity: 'critical',
    summary: 'Nothing is heard of KEDA',
    description:
      'Replicas stay as they are, and what sleeps is not woken. If its pods run, Prometheus does not scrape them.',
  },
  {
    alert: 'KedafnBrokerAlarm',
    expr: `max by (namespace, __name__) ({${alarms}}) > 0`,
    for: '1m',
    severity: 'critical',
    summary: 'RabbitMQ has an alarm and blocks all publishers',
    description: 'Producers wait, retries and dead letters too, acks go on. Memory or disk: consume, or give it more.',
  },
  {
    alert: 'KedafnPublishingBlocked',
    expr: 'sum by (namespace, service_name) (rate(kedafn_broker_blocked_seconds_total[5m])) > 0.5',
    for: '5m',
    severity: 'warning',
    summary: 'The broker blocks {{ $labels.service_name }} most of the time',
    description: 'See KedafnBrokerAlarm. What is read is held back, and the input grows meanwhile.',
  },
  {
    alert: 'KedafnCheckpointStuck',
    expr: 'max by (namespace, service_name, pod) (kedafn_checkpoint_age_seconds) > 60',
    for: '2m',
    severity: 'warning',
    summary: 'The checkpoint of {{ $labels.service_name }} stands still behind what was sent',
    description:
      'Confirms do not come, or it cannot be saved. After a crash kedafn_checkpoint_lag_lines lines come twice.',
  },
  {
    alert: 'KedafnCheckpointLags',
    expr: 'max by (namespace, service_name, pod) (kedafn_checkpoint_lag_lines) > 10000 and on (namespace, service_name, pod) max by (namespace, service_name, pod) (deriv(kedafn_checkpoint_lag_lines[10m])) > 0',
    for: '5m',
    severity: 'warning',
    summary: 'The checkpoint of {{ $labels.service_name }} falls ever further behind what was sent',
    description:
      'It is saved, and too slowly: confirms are late, or its volume is. All that lags comes twice after a crash.',
  },
  {
    alert: 'KedafnMessagesOld',
    expr: 'kedafn:message_age_seconds:max5m > 300',
    for: '5m',
    severity: 'warning',
    summary: 'Messages wait more than 5 minutes for {{ $labels.service_name }}',
    description:
      'What is handled now is old. At no replicas nobody knows an age, and KedafnNoConsumers speaks. Look at replicas and at handlers.',
  },
  {
    alert: 'KedafnDrainTooLong',
    expr: 'max by (namespace, service_name, pod) (max_over_time(kedafn_drain_duration_seconds[5m])) > 15 or max by (namespace, service_name, pod) (max_over_time(kedafn_drain_outcome{outcome=~"aborted|over_budget"}[5m])) > 0',
    severity: 'warning',
    summary: 'A drain of {{ $labels.service_name }} took more than half of its 30 s, or all of its own',
    description:
      'Out of time it exits with 1 and deliveries come twice. Let handlers heed ctx.signal, or raise KEDAFN_GRACE_MS and the grace period.',
  },
  {
    alert: 'KedafnCrashLoop',
    expr: ['kedafn_retries_total', 'kedafn_dead_letters_total']
      .map((counter) => rises('namespace, service_name', `${counter}{cause="FN_CRASH_LOOP"}`))
      .join(' or '),
    severity: 'critical',
    summary: 'A message kills the processes of {{ $labels.service_name }}',
    description:
      'It is handled alone from now on, and goes to dead letters if that does not help. Its id is in the log.',
  },
]

/**
 * What is asked for often, under a short name. The age is that of the oldest message delivered in 5 minutes, rounded up to a bound of the
 * histogram. A queue is first in, first out: what is delivered is the oldest there was. n.b. no quorum queue tells the age of its head.
 */
export const recordings: readonly { readonly record: string; readonly expr: string }[] = [
  {
    record: 'kedafn:message_age_seconds:max5m',
    expr: 'histogram_quantile(1, sum by (namespace, service_name, le) (rate(kedafn_message_age_seconds_bucket[5m])))',
  },
  {
    record: 'kedafn:lines_per_message:ratio5m',
    expr: 'sum by (namespace, service_name) (rate(kedafn_lines_total{outcome="confirmed"}[5m])) / sum by (namespace, service_name) (rate(messaging_client_sent_messages_total{error_type=""}[5m]))',
  },
]
