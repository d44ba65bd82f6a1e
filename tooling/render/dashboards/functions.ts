import type { DashboardSpec } from './dashboard.ts'
import type { PanelSpec, Query } from './panel.ts'

const pods = 'job=~"$job",service_name=~"$function"'

const rate = (counter: string, by: string, labels = ''): string =>
  `sum by (service_name, ${by}) (rate(${counter}{${pods}${labels}}[$__rate_interval]))`
const increase = (counter: string, by: string): string =>
  `sum by (service_name, ${by}) (increase(${counter}{${pods}}[$__rate_interval]))`
const most = (gauge: string): string => `max by (service_name) (${gauge}{${pods}})`
const sum = (gauge: string): string => `sum by (service_name) (${gauge}{${pods}})`

/** n.b. What prom-client shows says nothing of the function; target_info does. */
const ofProcess = (vector: string): string =>
  `${vector} * on (job, instance) group_left (service_name) target_info{${pods}}`

const quantiles = (histogram: string, of: readonly number[] = [0.5, 0.95, 0.99]): readonly Query[] =>
  of.map((quantile) => ({
    expr: `histogram_quantile(${quantile}, sum by (service_name, le) (rate(${histogram}_bucket{${pods}}[$__rate_interval])))`,
    legend: `{{service_name}} p${quantile * 100}`,
  }))
const mean = (histogram: string): string =>
  `sum by (service_name) (rate(${histogram}_sum{${pods}}[$__rate_interval])) / sum by (service_name) (rate(${histogram}_count{${pods}}[$__rate_interval]))`

const flow: readonly PanelSpec[] = [
  {
    id: 2,
    title: 'Deliveries settled',
    description:
      'By what became of them. Acked is work done; retried and dead have causes below; repeated were done before; lost went back to the broker with a lost session.',
    unit: 'cps',
    queries: [{ expr: rate('kedafn_deliveries_settled_total', 'outcome'), legend: '{{service_name}} {{outcome}}' }],
  },
  {
    id: 3,
    title: 'Deliveries taken, and those that came again',
    description:
      'Again: with the redelivered flag, since another consumer or an earlier session had them before. A few at each scale-in are in order.',
    unit: 'cps',
    queries: [
      {
        expr: `sum by (service_name) (rate(messaging_client_consumed_messages_total{${pods}}[$__rate_interval]))`,
        legend: '{{service_name}} taken',
      },
      {
        expr: `sum by (service_name) (rate(kedafn_deliveries_redelivered_total{${pods}}[$__rate_interval]))`,
        legend: '{{service_name}} again',
      },
    ],
  },
  {
    id: 4,
    title: 'Lines of producers',
    description: 'Sent to the publisher, confirmed by the broker, or skipped by map.',
    unit: 'cps',
    queries: [{ expr: rate('kedafn_lines_total', 'outcome'), legend: '{{service_name}} {{outcome}}' }],
  },
  {
    id: 5,
    title: 'Publishes that the broker answered',
    description:
      'Confirmed if no error is named. Unroutable: no queue takes them, and the producer tries on. Refused: a full queue.',
    unit: 'cps',
    queries: [
      {
        expr: rate('messaging_client_sent_messages_total', 'error_type'),
        legend: '{{service_name}} {{error_type}}',
      },
    ],
  },
]

const time: readonly PanelSpec[] = [
  {
    id: 11,
    title: 'Time of a handler for a batch',
    description: 'Where it nears timeoutMs, batches are tried again. More replicas do not help a handler that waits.',
    unit: 's',
    queries: quantiles('messaging_process_duration_seconds'),
  },
  {
    id: 12,
    title: 'From a publish to its confirm',
    description: 'Across lost sessions. Long: the broker’s disk, its quorum, or an alarm.',
    unit: 's',
    queries: quantiles('messaging_client_operation_duration_seconds'),
  },
  {
    id: 13,
    title: 'From the start of a process to its session',
    description: 'Of the processes that run now.',
    unit: 's',
    queries: [0.5, 0.95].map((quantile) => ({
      expr: `histogram_quantile(${quantile}, sum by (service_name, le) (faas_init_duration_seconds_bucket{${pods}}))`,
      legend: `{{service_name}} p${quantile * 100}`,
    })),
  },
  {
    id: 14,
    title: 'Size of a batch',
    description: 'The mean. At 1 under load, deliveries come one by one: see batch.maxWaitMs and the prefetch.',
    unit: 'short',
    queries: [{ expr: mean('kedafn_batch_size'), legend: '{{service_name}}' }],
  },
  {
    id: 15,
    title: 'Age of a message at its first delivery',
    description:
      'From its timestamp, in whole seconds, rounded up to a bound of the histogram: how long lines wait. See KedafnMessagesOld in the runbook.',
    unit: 's',
    queries: quantiles('kedafn_message_age_seconds', [0.5, 0.95, 1]),
  },
  {
    id: 16,
    title: 'Lines in a message',
    description: 'The mean. 1 without packing; under load more, where the producer packs.',
    unit: 'short',
    queries: [
      {
        expr: `sum by (service_name) (rate(kedafn_lines_total{${pods},outcome="confirmed"}[$__rate_interval])) / sum by (service_name) (rate(messaging_client_sent_messages_total{${pods},error_type=""}[$__rate_interval]))`,
        legend: '{{service_name}}',
      },
    ],
  },
]

const held: readonly PanelSpec[] = [
  {
    id: 21,
    title: 'In flight',
    description: 'Deliveries neither settled nor given up, and those of them that no handler has yet.',
    unit: 'short',
    queries: [
      { expr: sum('kedafn_deliveries_in_flight'), legend: '{{service_name}} in flight' },
      { expr: sum('kedafn_deliveries_waiting'), legend: '{{service_name}} waiting' },
    ],
  },
  {
    id: 22,
    title: 'Handlers at work',
    description: 'Batches in the hands of a handler. At the concurrency all the time, the handler is the bottleneck.',
    unit: 'short',
    queries: [{ expr: sum('kedafn_handlers_running'), legend: '{{service_name}}' }],
  },
  {
    id: 23,
    title: 'Window in use',
    description:
      'The share of the window that is published and not confirmed. Full all the time: confirms limit the producer.',
    unit: 'percentunit',
    queries: [
      {
        expr: `max by (service_name) (kedafn_publisher_unconfirmed{${pods}} / kedafn_publisher_window{${pods}})`,
        legend: '{{service_name}}',
      },
    ],
  },
  {
    id: 24,
    title: 'Publishing blocked by the broker',
    description: 'The share of time, by an alarm of memory or disk. What is read is held back meanwhile.',
    unit: 'percentunit',
    queries: [
      {
        expr: `max by (service_name) (rate(kedafn_broker_blocked_seconds_total{${pods}}[$__rate_interval]))`,
        legend: '{{service_name}}',
      },
    ],
  },
]

const lag: readonly PanelSpec[] = [
  {
    id: 31,
    title: 'Checkpoint behind, in lines',
    description: 'Sent and not passed by the saved checkpoint: at most so many come twice after a crash.',
    unit: 'short',
    width: 8,
    queries: [{ expr: most('kedafn_checkpoint_lag_lines'), legend: '{{service_name}}' }],
  },
  {
    id: 32,
    title: 'Checkpoint behind, in bytes',
    description: 'Read and not passed by the saved checkpoint, while both are in the same file.',
    unit: 'bytes',
    width: 8,
    queries: [{ expr: most('kedafn_checkpoint_lag_bytes'), legend: '{{service_name}}' }],
  },
  {
    id: 33,
    title: 'Age of the checkpoint',
    description:
      'For how long something sent has been without a newer one; 0 while there is nothing to save. See KedafnCheckpointStuck in the runbook.',
    unit: 's',
    width: 8,
    queries: [{ expr: most('kedafn_checkpoint_age_seconds'), legend: '{{service_name}}' }],
  },
]

const wrong: readonly PanelSpec[] = [
  {
    id: 41,
    title: 'Retries by cause',
    description: 'Moved to a retry queue, or tried again in their place. docs/reference/errors.md has the causes.',
    unit: 'short',
    style: 'bars',
    queries: [{ expr: increase('kedafn_retries_total', 'cause'), legend: '{{service_name}} {{cause}}' }],
  },
  {
    id: 42,
    title: 'Dead letters by cause',
    description: 'Given up, and kept in the dead-letter queue with their cause.',
    unit: 'short',
    style: 'bars',
    queries: [{ expr: increase('kedafn_dead_letters_total', 'cause'), legend: '{{service_name}} {{cause}}' }],
  },
  {
    id: 43,
    title: 'Attempts that a message takes',
    description: 'Until it is acked or dead. 1 is what it should be.',
    unit: 'short',
    queries: [{ expr: mean('kedafn_delivery_attempts'), legend: '{{service_name}}' }],
  },
  {
    id: 44,
    title: 'Reconnects by cause',
    description:
      'Sessions that ended without our doing. heartbeat: a handler holds the thread, or the network; consumer_cancelled: the queue was deleted.',
    unit: 'short',
    style: 'bars',
    queries: [{ expr: increase('kedafn_broker_reconnects_total', 'cause'), legend: '{{service_name}} {{cause}}' }],
  },
  {
    id: 45,
    title: 'Processes that drain',
    description: 'Told to stop, and still finishing what they have.',
    unit: 'short',
    style: 'steps',
    width: 8,
    queries: [{ expr: sum('kedafn_drain_running'), legend: '{{service_name}}' }],
  },
  {
    id: 46,
    title: 'How long a drain has taken',
    description: 'Out of its grace period a process exits with 1, and its deliveries come twice.',
    unit: 's',
    width: 8,
    queries: [{ expr: most('kedafn_drain_duration_seconds'), legend: '{{service_name}}' }],
  },
  {
    id: 47,
    title: 'Drains by outcome',
    description:
      'Pending while one runs, aborted once handlers were told to give up. How it ended is in the log line `ended`: the process is gone before a scrape could see it.',
    unit: 'short',
    style: 'steps',
    width: 8,
    queries: [
      {
        expr: `sum by (service_name, outcome) (kedafn_drain_outcome{${pods}})`,
        legend: '{{service_name}} {{outcome}}',
      },
    ],
  },
]

const processes: readonly PanelSpec[] = [
  {
    id: 51,
    title: 'Memory',
    description: 'Resident, of the largest process. The rendered limit is 256 MiB.',
    unit: 'bytes',
    width: 8,
    queries: [
      {
        expr: `max by (service_name) (${ofProcess('process_resident_memory_bytes{job=~"$job"}')})`,
        legend: '{{service_name}}',
      },
    ],
  },
  {
    id: 52,
    title: 'Processor',
    description: 'Cores in use, all processes of a function together.',
    unit: 'short',
    width: 8,
    queries: [
      {
        expr: `sum by (service_name) (${ofProcess('rate(process_cpu_seconds_total{job=~"$job"}[$__rate_interval])')})`,
        legend: '{{service_name}}',
      },
    ],
  },
  {
    id: 53,
    title: 'Event loop, late by (p99)',
    description: 'A handler that computes holds it up: heartbeats, probes and acks wait.',
    unit: 's',
    width: 8,
    queries: [
      {
        expr: `max by (service_name) (${ofProcess('nodejs_eventloop_lag_p99_seconds{job=~"$job"}')})`,
        legend: '{{service_name}}',
      },
    ],
  },
]

export const functions: DashboardSpec = {
  name: 'kedafn-functions',
  title: 'kedafn / Functions',
  description: 'What functions do with their messages: how many, how fast, and what goes wrong.',
  variables: [
    {
      name: 'job',
      label: 'job',
      query: 'label_values(kedafn_broker_reconnects_total, job)',
      many: true,
    },
    {
      name: 'function',
      label: 'function',
      query: 'label_values(kedafn_broker_reconnects_total{job=~"$job"}, service_name)',
      many: true,
    },
  ],
  rows: [
    { id: 1, title: 'Messages and lines', panels: flow },
    { id: 10, title: 'Time', panels: time },
    { id: 20, title: 'In hand', panels: held },
    { id: 30, title: 'Checkpoints of producers', panels: lag },
    { id: 40, title: 'What goes wrong', panels: wrong },
    { id: 50, title: 'Processes', panels: processes },
  ],
}
