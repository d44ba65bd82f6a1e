import type { DashboardSpec } from './dashboard.ts'

const place = 'job=~"$kube",namespace="$namespace"'
const hpa = `${place},horizontalpodautoscaler="keda-hpa-$function"`
const deployment = `${place},deployment="$function"`
const queue = 'job=~"$broker",queue="$queue"'
const pods = 'job=~"$job",service_name="$function"'
const desired = `max(kube_horizontalpodautoscaler_status_desired_replicas{${hpa}})`
const most = `max(kube_horizontalpodautoscaler_spec_max_replicas{${hpa}})`
const replicas = `max(kube_deployment_status_replicas{${deployment}})`

/**
 * A metric of KEDA about the ScaledObject. Its namespace is in `exported_namespace` if Prometheus has given the label `namespace` to
 * KEDA's own, as it does with the ServiceMonitor of KEDA's chart; with `honorLabels` it is in `namespace`.
 */
function ofScaledObject(metric: string, labels = '', over: (selector: string) => string = (one) => one): string {
  const object = `job=~"$keda",scaledObject="$function"${labels}`
  return ['exported_namespace="$namespace"', 'exported_namespace="",namespace="$namespace"']
    .map((where) => over(`${metric}{${object},${where}}`))
    .join(' or ')
}

/** n.b. Not the triggers on CPU, which an overlay may add. */
const ofQueue = ',metric=~"s[0-9]+-rabbitmq-.+"'
const summed = (selector: string): string => `sum(increase(${selector}[$__rate_interval]))`

export const autoscaling: DashboardSpec = {
  name: 'kedafn-autoscaling',
  title: 'kedafn / Autoscaling',
  description:
    'Why a function has as many replicas as it has. Function, ScaledObject and Deployment have one name, as the rendered manifests give them.',
  variables: [
    {
      name: 'function',
      label: 'function',
      query: 'label_values(keda_scaled_object_paused{job=~"$keda"}, scaledObject)',
    },
    {
      name: 'namespace',
      label: 'namespace',
      query: 'label_values(kube_deployment_status_replicas{job=~"$kube",deployment="$function"}, namespace)',
    },
    {
      name: 'queue',
      label: 'queue',
      // n.b. KEDA puts a trigger's name into `scaler`; the rendered triggers are named as their queues.
      query: `label_values(keda_scaler_active{job=~"$keda",scaledObject="$function"${ofQueue}}, scaler)`,
    },
    {
      name: 'broker',
      label: 'broker',
      query: 'label_values(rabbitmq_detailed_queue_consumers{queue="$queue"}, job)',
      many: true,
    },
    {
      name: 'job',
      label: 'job',
      query: 'label_values(kedafn_broker_reconnects_total{service_name="$function"}, job)',
      many: true,
      hidden: true,
    },
    { name: 'keda', label: 'KEDA', query: 'label_values(keda_build_info, job)', many: true, hidden: true },
    {
      name: 'kube',
      label: 'kube-state-metrics',
      query: 'label_values(kube_deployment_status_replicas, job)',
      many: true,
      hidden: true,
    },
  ],
  rows: [
    {
      id: 1,
      title: 'From the queue to the replicas',
      panels: [
        {
          id: 2,
          title: 'Backlog against its target',
          description:
            'What the queue holds, in layers, and what the replicas are for: value × replicas. Above the broken line KEDA asks for more replicas, below it for fewer. KEDA’s own number lags by the polling interval and the age of the broker’s statistics, up to 8 s.',
          unit: 'short',
          style: 'stacked',
          width: 24,
          height: 9,
          queries: [
            { expr: `sum(rabbitmq_detailed_queue_messages_unacked{${queue}})`, legend: 'unacked' },
            { expr: `sum(rabbitmq_detailed_queue_messages_ready{${queue}})`, legend: 'ready' },
            {
              expr: `max(kube_horizontalpodautoscaler_spec_target_metric{${hpa},metric_target_type="average"}) * ${replicas}`,
              legend: 'target: value × replicas',
              reference: true,
            },
            {
              expr: ofScaledObject('keda_scaler_metrics_value', ofQueue, (one) => `max(${one})`),
              legend: 'as KEDA sees it',
              reference: true,
            },
          ],
        },
        {
          id: 3,
          title: 'Replicas',
          description:
            'Of the Deployment, true at zero as well, and what the HPA wants. Between 0 and 1 KEDA decides alone: at zero the HPA is switched off, and what it wants is what it last wanted.',
          unit: 'short',
          style: 'steps',
          width: 24,
          queries: [
            { expr: replicas, legend: 'there' },
            { expr: `max(kube_deployment_status_replicas_ready{${deployment}})`, legend: 'ready' },
            { expr: desired, legend: 'wanted by the HPA' },
            { expr: most, legend: 'at most', reference: true },
          ],
        },
        {
          id: 4,
          title: 'State',
          description:
            'Active: KEDA sees work. At zero: no replica. At most: the HPA wants all it may have. Paused: by annotation, nothing is scaled.',
          unit: 'bool',
          style: 'states',
          width: 24,
          height: 6,
          queries: [
            { expr: ofScaledObject('keda_scaler_active', ofQueue, (one) => `max(${one})`), legend: 'active' },
            { expr: `${replicas} == bool 0`, legend: 'at zero' },
            { expr: `${desired} >= bool ${most}`, legend: 'at most' },
            { expr: ofScaledObject('keda_scaled_object_paused', '', (one) => `max(${one})`), legend: 'paused' },
          ],
        },
        {
          id: 5,
          title: 'In and out',
          description:
            'Messages settled with the broker, and those that came: what was settled and what the queue grew by. A message that is tried again comes twice.',
          unit: 'cps',
          width: 24,
          queries: [
            {
              expr: `clamp_min(sum(rate(rabbitmq_detailed_queue_messages_acked_total{${queue}}[$__rate_interval])) + sum(deriv(rabbitmq_detailed_queue_messages{${queue}}[$__rate_interval])), 0)`,
              legend: 'came',
            },
            {
              expr: `sum(rate(rabbitmq_detailed_queue_messages_acked_total{${queue}}[$__rate_interval]))`,
              legend: 'settled',
            },
          ],
        },
      ],
    },
    {
      id: 6,
      title: 'Starts, and KEDA itself',
      panels: [
        {
          id: 7,
          title: 'Cold starts',
          description:
            'Processes that were not there in the rate interval before. Counted by their first scrape and not by the rise of faas_coldstarts_total, which is 1 when it is seen first; one that lives for less than a scrape interval is not seen.',
          unit: 'short',
          style: 'bars',
          queries: [
            {
              expr: `count(group by (instance, pod) (last_over_time(kedafn_drain_running{${pods}}[$__rate_interval])) unless group by (instance, pod) (last_over_time(kedafn_drain_running{${pods}}[$__rate_interval] offset $__rate_interval)))`,
              legend: 'started',
            },
          ],
        },
        {
          id: 8,
          title: 'How long a start takes',
          description:
            'The slowest of the processes that run: boot is Node and the bundle, init the connection and the topology, work the way to the first ack. Scheduling and pulling the image come before, and are not in it.',
          unit: 's',
          style: 'stacked',
          queries: [{ expr: `max by (phase) (kedafn_coldstart_phase_duration_seconds{${pods}})`, legend: '{{phase}}' }],
        },
        {
          id: 9,
          title: 'How long KEDA waits for the broker',
          description: 'Per question about the queue. Beyond the polling interval, decisions come late.',
          unit: 's',
          queries: [
            {
              expr: ofScaledObject('keda_scaler_metrics_latency_seconds', ofQueue, (one) => `max(${one})`),
              legend: 'answer',
            },
          ],
        },
        {
          id: 10,
          title: 'Errors of KEDA',
          description:
            'Any rise: KEDA does not know the queue, and scales by nothing or by its fallback. See KedafnScalerErrors in the runbook.',
          unit: 'short',
          style: 'bars',
          queries: [{ expr: ofScaledObject('keda_scaled_object_errors_total', '', summed), legend: 'errors' }],
        },
      ],
    },
  ],
}
