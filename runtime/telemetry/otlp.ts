import { type Attributes, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace'
import type { TraceContext } from '../ports.ts'
import type { EndedSpan, SpanSink } from './spans.ts'

/**
 * Sends spans to a receiver of OTLP over HTTP. Where that is, and with what headers, the exporter reads from `OTEL_EXPORTER_OTLP_*`
 * itself; how they are batched, the processor from `OTEL_BSP_*`.
 *
 * n.b. This file and all it imports are a bundle of their own, made by `node build.mjs --otlp` alone.
 * @param failed called with what went wrong when spans could not be sent
 */
export function exportSpans(serviceName: string, failed: (error: unknown) => void): SpanSink {
  const named = defaultResource().merge(resourceFromAttributes({ 'service.name': serviceName }))
  const resource = named.merge(detectResources({ detectors: [envDetector] }))
  const exporter = new OTLPTraceExporter()
  const send = exporter.export.bind(exporter)
  exporter.export = (spans, done) =>
    send(spans, (result) => {
      if (result.error) failed(result.error)
      done(result)
    })
  const processor = new BatchSpanProcessor({ exporter })
  return {
    take: (span) => processor.onEnd(readable(span, resource)),
    end: () => processor.shutdown().catch(() => {}),
  }
}

/** A span in the SDK's words. */
function readable(span: EndedSpan, resource: ReadableSpan['resource']): ReadableSpan {
  const { name, kind, context, parent, links, begunAt, endedAt, errorType } = span
  const attributes: Attributes = errorType === '' ? span.attributes : { ...span.attributes, 'error.type': errorType }
  return {
    name,
    kind: kind === 'producer' ? SpanKind.PRODUCER : SpanKind.CONSUMER,
    spanContext: () => spanContext(context),
    ...(parent && { parentSpanContext: spanContext(parent) }),
    startTime: hrTime(begunAt),
    endTime: hrTime(endedAt),
    duration: hrTime(endedAt - begunAt),
    status: errorType === '' ? { code: SpanStatusCode.UNSET } : { code: SpanStatusCode.ERROR, message: errorType },
    attributes,
    links: links.map((link) => ({ context: spanContext(link) })),
    events: [],
    ended: true,
    resource,
    instrumentationScope: { name: 'kedafn' },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  }
}

const spanContext = ({ traceId, spanId, sampled }: TraceContext) => ({ traceId, spanId, traceFlags: sampled ? 1 : 0 })
const hrTime = (ms: number): [number, number] => [Math.floor(ms / 1000), Math.round((ms % 1000) * 1e6)]
