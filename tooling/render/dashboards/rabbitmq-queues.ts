import { working } from '../selectors.ts'
import type { DashboardSpec } from './dashboard.ts'
import type { PanelSpec } from './panel.ts'

const broker = 'job=~"$job"'
const queues = `${broker},vhost=~"$vhost"`

const ofQueues = (metric: string, where = working): string =>
  `sum by (vhost, queue) (rabbitmq_detailed_queue_${metric}{${queues},${where}})`
const rateOfQueues = (metric: string): string =>
  `sum by (vhost, queue) (rate(rabbitmq_detailed_queue_messages_${metric}_total{${queues},${working}}[$__rate_interval]))`
const global = (name: string): string =>
  `sum(rate(rabbitmq_global_messages_${name}_total{${broker}}[$__rate_interval]))`
const deadLettered = (reason: string): string =>
  `sum by (dead_letter_strategy) (increase(rabbitmq_global_messages_dead_lettered_${reason}_total{${broker}}[$__rate_interval]))`

const legend = '{{vhost}} {{queue}}'

const work: readonly PanelSpec[] = [
  {
    id: 2,
    title: 'Ready',
    description: 'Messages that wait for a consumer. With consumers below at 0 for minutes: KedafnNoConsumers.',
    unit: 'short',
    queries: [{ expr: ofQueues('messages_ready'), legend }],
  },
  {
    id: 3,
    title: 'Unacked',
    description: 'Messages with a consumer that has not settled them: in its handler, or prefetched.',
    unit: 'short',
    queries: [{ expr: ofQueues('messages_unacked'), legend }],
  },
  {
    id: 4,
    title: 'Consumers',
    description: 'One for each process that consumes; 0 while the function sleeps.',
    unit: 'short',
    style: 'steps',
    queries: [{ expr: ofQueues('consumers'), legend }],
  },
  {
    id: 5,
    title: 'Delivered, and settled',
    description: 'Of each queue, as the broker counts: it sees pods too that live for less than a scrape interval.',
    unit: 'cps',
    queries: [
      { expr: rateOfQueues('delivered_ack'), legend: `${legend} delivered` },
      { expr: rateOfQueues('acked'), legend: `${legend} settled` },
    ],
  },
]

const aside: readonly PanelSpec[] = [
  {
    id: 11,
    title: 'Dead letters kept',
    description: 'They stay until a person moves or deletes them.',
    unit: 'short',
    width: 8,
    queries: [{ expr: ofQueues('messages', 'queue=~".+[.]dead"'), legend }],
  },
  {
    id: 12,
    title: 'Waiting for a retry',
    description: 'By delay, in ms. KEDA does not count them: consumers may sleep meanwhile.',
    unit: 'short',
    width: 8,
    queries: [{ expr: ofQueues('messages', 'queue=~".+[.]retry[.].+"'), legend }],
  },
  {
    id: 13,
    title: 'History',
    description: 'What the stream holds: all that was published in the last 7 days, in whole segments.',
    unit: 'short',
    width: 8,
    queries: [{ expr: ofQueues('messages', 'queue=~".+[.]history"'), legend }],
  },
]

const brokerWide: readonly PanelSpec[] = [
  {
    id: 21,
    title: 'Published',
    description:
      'Broker-wide. Returned: mandatory, and no queue took it; ours are tried again. Dropped: not mandatory, and gone; none of ours.',
    unit: 'cps',
    queries: [
      { expr: global('received'), legend: 'received' },
      { expr: global('confirmed'), legend: 'confirmed' },
      { expr: global('unroutable_returned'), legend: 'returned' },
      { expr: global('unroutable_dropped'), legend: 'dropped' },
    ],
  },
  {
    id: 22,
    title: 'Consumed',
    description: 'Broker-wide. Redelivered without end: a consumer that hands back what it cannot handle.',
    unit: 'cps',
    queries: [
      { expr: global('delivered'), legend: 'delivered' },
      { expr: global('acknowledged'), legend: 'settled' },
      { expr: global('redelivered'), legend: 'redelivered' },
    ],
  },
  {
    id: 23,
    title: 'Dead-lettered by the broker itself',
    description:
      'By reason and strategy. Expired at least once: retries whose time has come. Disabled: no dead-letter exchange, these are gone.',
    unit: 'short',
    style: 'bars',
    queries: [
      { expr: deadLettered('expired'), legend: 'expired {{dead_letter_strategy}}' },
      { expr: deadLettered('delivery_limit'), legend: 'delivery limit {{dead_letter_strategy}}' },
      { expr: deadLettered('rejected'), legend: 'rejected {{dead_letter_strategy}}' },
      { expr: deadLettered('maxlen'), legend: 'max length {{dead_letter_strategy}}' },
    ],
  },
  {
    id: 24,
    title: 'Connections and channels',
    description: 'A function has one connection to consume and one to publish.',
    unit: 'short',
    style: 'steps',
    queries: [
      { expr: `sum(rabbitmq_connections{${broker}})`, legend: 'connections' },
      { expr: `sum(rabbitmq_channels{${broker}})`, legend: 'channels' },
    ],
  },
]

const nodes: readonly PanelSpec[] = [
  {
    id: 31,
    title: 'Memory against its alarm',
    description: 'At the broken line the broker blocks all publishers.',
    unit: 'bytes',
    queries: [
      { expr: `max by (instance) (rabbitmq_process_resident_memory_bytes{${broker}})`, legend: '{{instance}}' },
      {
        expr: `max by (instance) (rabbitmq_resident_memory_limit_bytes{${broker}})`,
        legend: '{{instance}} alarm',
        reference: true,
      },
    ],
  },
  {
    id: 32,
    title: 'Disk left against its alarm',
    description: 'Below the broken line the broker blocks all publishers.',
    unit: 'decbytes',
    queries: [
      { expr: `min by (instance) (rabbitmq_disk_space_available_bytes{${broker}})`, legend: '{{instance}}' },
      {
        expr: `max by (instance) (rabbitmq_disk_space_available_limit_bytes{${broker}})`,
        legend: '{{instance}} alarm',
        reference: true,
      },
    ],
  },
  {
    id: 33,
    title: 'Alarms',
    description: 'While one is on, nothing is published; acks go on. See KedafnBrokerAlarm in the runbook.',
    unit: 'bool',
    style: 'states',
    width: 24,
    height: 5,
    queries: [
      { expr: `max(rabbitmq_alarms_memory_used_watermark{${broker}})`, legend: 'memory' },
      { expr: `max(rabbitmq_alarms_free_disk_space_watermark{${broker}})`, legend: 'disk' },
    ],
  },
]

export const rabbitmqQueues: DashboardSpec = {
  name: 'kedafn-rabbitmq-queues',
  title: 'kedafn / RabbitMQ queues',
  description: 'The queues of functions and what belongs to them, by /metrics/detailed, and their broker, by /metrics.',
  variables: [
    { name: 'job', label: 'job', query: 'label_values(rabbitmq_detailed_queue_consumers, job)', many: true },
    {
      name: 'vhost',
      label: 'vhost',
      query: 'label_values(rabbitmq_detailed_queue_consumers{job=~"$job"}, vhost)',
      many: true,
    },
  ],
  rows: [
    { id: 1, title: 'Queues at work', panels: work },
    { id: 10, title: 'What belongs to them', panels: aside },
    { id: 20, title: 'The broker', panels: brokerWide },
    { id: 30, title: 'Its nodes', panels: nodes },
  ],
}
