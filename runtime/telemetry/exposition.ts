import { type ContextManager, ROOT_CONTEXT } from '@opentelemetry/api'
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus'
import { defaultResource, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import {
  AggregationTemporality,
  DataPointType,
  type MetricData,
  type MetricProducer,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Distribution, Family, Measurements } from '../core/measurements.ts'
import { prometheusName } from '../core/metrics.ts'

export interface Exposing {
  readonly name: string
  readonly kind: 'consumer' | 'producer'
  readonly queue: string
  readonly measurements: Measurements
}

export interface Exposition {
  /** What `/metrics` answers. */
  scrape(): Promise<{ readonly status: number; readonly contentType: string; readonly body: string }>
}

/**
 * Shows what was measured, from the beginning of the process on, however late this is called: the SDK reads the plain variables
 * at each scrape. prom-client adds what it knows of the process and of Node.js, and nothing else.
 *
 * n.b. This file and all it imports are a bundle of their own, loaded when the first work is done.
 */
export function expose({ name, kind, queue, measurements }: Exposing): Exposition {
  const producer = new FamilyProducer(measurements, kind, queue)
  const reader = new PrometheusExporter({ preventServerStart: true, metricProducers: [producer] })
  // n.b. without these two the SDK takes the environment's word, which is OTLP by default.
  const sdk = new NodeSDK({
    resource: defaultResource().merge(resourceFromAttributes({ 'service.name': name })),
    // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES. The other detectors tell of the machine, in labels that change with each start.
    resourceDetectors: [envDetector],
    metricReaders: [reader],
    spanProcessors: [],
    textMapPropagator: null,
    contextManager: noContext,
    logRecordProcessors: [],
  })
  sdk.start()
  const serializer = new PrometheusSerializer('', false, /^service\.name$/, false, true)
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  // Gauges in the clothes of counters, each the sum of another one that has a label.
  for (const what of ['handles', 'requests', 'resources']) registry.removeSingleMetric(`nodejs_active_${what}_total`)
  return {
    async scrape() {
      const [processMetrics, { resourceMetrics, errors }] = await Promise.all([registry.metrics(), reader.collect()])
      if (errors.length > 0) throw errors[0]
      const body = `${processMetrics}\n${serializer.serialize(resourceMetrics)}`
      return { status: 200, contentType: registry.contentType, body }
    },
  }
}

/** Nothing is told by where code runs: contexts are handed on as values. n.b. the SDK's own would follow every promise. */
const noContext: ContextManager = {
  active: () => ROOT_CONTEXT,
  with: (_context, call, self, ...args) => call.call(self as never, ...args),
  bind: (_context, target) => target,
  enable: () => noContext,
  disable: () => noContext,
}

/** The measurements in the SDK's words. */
class FamilyProducer implements MetricProducer {
  readonly #measurements: Measurements
  readonly #kind: Exposing['kind']
  readonly #queue: string
  readonly #startTime = hrTime(Date.now() - process.uptime() * 1000)

  constructor(measurements: Measurements, kind: Exposing['kind'], queue: string) {
    this.#measurements = measurements
    this.#kind = kind
    this.#queue = queue
  }

  async collect() {
    const metrics = this.#measurements.families(this.#kind).map((family) => this.#metricData(family))
    // The resource is the SDK's to say: it merges what its producers tell into its own.
    const resourceMetrics = { scopeMetrics: [{ scope: { name: 'kedafn' }, metrics }] } as unknown as ResourceMetrics
    return { resourceMetrics, errors: [] }
  }

  #metricData({ name, metric, points }: Family): MetricData {
    const { kind, description, label, bounds = [], fixed = {} } = metric
    const descriptor = { name: prometheusName(name, metric), description, unit: '', valueType: 1 }
    const attributes = fixed['messaging.system'] ? { ...fixed, 'messaging.destination.name': this.#queue } : fixed
    const dataPoints = [...points].map(([value, point]) => ({
      startTime: this.#startTime,
      endTime: hrTime(Date.now()),
      attributes: label && value !== '' ? { ...attributes, [label.name]: value } : attributes,
      value: point,
    }))
    const shared = { descriptor, aggregationTemporality: AggregationTemporality.CUMULATIVE }
    if (kind === 'histogram') {
      const histograms = dataPoints.map(({ value, ...rest }) => ({
        ...rest,
        value: histogram(value as Distribution, bounds),
      }))
      return { ...shared, dataPointType: DataPointType.HISTOGRAM, dataPoints: histograms }
    }
    const singular = dataPoints as ((typeof dataPoints)[number] & { value: number })[]
    return kind === 'counter'
      ? { ...shared, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: singular }
      : { ...shared, dataPointType: DataPointType.GAUGE, dataPoints: singular }
  }
}

function histogram({ buckets, count, sum }: Distribution, bounds: readonly number[]) {
  return { buckets: { boundaries: [...bounds], counts: [...buckets] }, count, sum }
}

const hrTime = (ms: number): [number, number] => [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)]
