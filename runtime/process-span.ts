import type { ConsumerConfig } from './core/config.ts'
import { traceContextOf } from './core/trace-context.ts'
import type { Log, Span, TraceContext, Tracer } from './ports.ts'
import type { Job } from './settlement.ts'

/** The traces that messages carry, each once, at most `most` of them. */
export function tracesOf(jobs: readonly Job[], most = 128): readonly TraceContext[] {
  const bySpan = new Map<string, TraceContext>()
  for (const { delivery } of jobs) {
    if (bySpan.size === most) break
    const context = traceContextOf(delivery.headers)
    if (context) bySpan.set(context.spanId, context)
  }
  return [...bySpan.values()]
}

/**
 * The span of a batch in the hands of its handler. Each message that carries a trace is linked, as OpenTelemetry's conventions want; the
 * link of a retry, or of what was taken back from dead letters, is to where the message was first published, for moves keep its headers.
 */
export function processSpan(
  tracer: Tracer | null,
  jobs: readonly Job[],
  { queue, traceParent }: Pick<ConsumerConfig, 'queue' | 'traceParent'>,
): Span | null {
  if (!tracer) return null
  const traces = tracesOf(jobs)
  const [only] = traces
  const parent = traceParent === 'parent' && jobs.length === 1 && only ? only : null
  const single = jobs.length === 1 && jobs[0]?.delivery.id
  return tracer.start({
    name: `process ${queue}`,
    kind: 'consumer',
    parent,
    links: parent ? [] : traces,
    attributes: {
      'messaging.system': 'rabbitmq',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': queue,
      'messaging.batch.message_count': jobs.length,
      ...(single && { 'messaging.message.id': single }),
      'kedafn.attempt': Math.max(...jobs.map(({ delivery }) => delivery.attempt)),
    },
  })
}

/** A log whose lines tell which trace they belong to, if it is known. */
export function tracedLog(log: Log, jobs: readonly Job[], span: Span | null): Log {
  const context = span?.context ?? (jobs.length === 1 ? tracesOf(jobs)[0] : undefined)
  if (!context) return log
  // Without a span of ours the message's own: whoever published it has that in its log.
  return log.child({ trace_id: context.traceId, span_id: context.spanId })
}
