import { randomBytes } from 'node:crypto'
import { isChosen } from '../core/trace-context.ts'
import type { Clock, Log, Span, SpanStart, TraceContext, Tracer } from '../ports.ts'

/** A span that ended, and is one of those to be exported. */
export interface EndedSpan extends SpanStart {
  readonly context: TraceContext
  /** ms since 1970. */
  readonly begunAt: number
  readonly endedAt: number
  readonly errorType: string
}

export interface SpanSink {
  take(span: EndedSpan): void
  /** Resolves when everything taken is with the receiver, or given up. Never rejects. */
  end(): Promise<void>
}

/** So many that end before the exporter is up are kept. */
const keptSpans = 2048
/** The receiver of traces holds up no drain for longer. */
const endTimeoutMs = 1000

/** Gives spans their places in a trace, and hands those that are sampled to the exporter, which comes up later. */
export class SpanRecorder implements Tracer {
  readonly #clock: Clock
  readonly #log: Log
  readonly #ratio: number
  #sink: SpanSink | null = null
  #kept: EndedSpan[] = []
  #random = randomBytes(0)

  /** @param ratio of the traces that begin here, the part that is sampled; all others go by what their beginner decided */
  constructor(clock: Clock, log: Log, ratio: number) {
    this.#clock = clock
    this.#log = log
    this.#ratio = ratio
  }

  start(start: SpanStart): Span {
    const { parent, links } = start
    const traceId = parent?.traceId ?? this.#id(16)
    const sampled = parent
      ? parent.sampled
      : links.length > 0
        ? links.some((link) => link.sampled)
        : isChosen(traceId, this.#ratio)
    const context = { traceId, spanId: this.#id(8), sampled, state: parent?.state ?? '' }
    const begunAt = this.#clock.now()
    return {
      context,
      end: (errorType = '') => {
        if (sampled) this.#take({ ...start, context, begunAt, endedAt: this.#clock.now(), errorType })
      },
    }
  }

  /** Loads what sends them. @throws Error if that is not beside the function */
  async begin(serviceName: string): Promise<void> {
    const { exportSpans } = await import('./otlp.ts')
    this.#sink = exportSpans(serviceName, (error) => this.#lost(error))
    for (const span of this.#kept.splice(0)) this.#sink.take(span)
  }

  /** Sends what is left, within a second. Never rejects. */
  async end(): Promise<void> {
    if (!this.#sink) return
    let cancelTimer = () => {}
    const timeout = new Promise<void>((resolve) => {
      cancelTimer = this.#clock.after(endTimeoutMs, () => {
        this.#lost(`not within ${endTimeoutMs} ms at the end`)
        resolve()
      })
    })
    await Promise.race([this.#sink.end().then(cancelTimer), timeout])
  }

  #lost(error: unknown): void {
    this.#log.warn('spans did not reach their receiver: they are missing from their traces', { error })
  }

  #take(span: EndedSpan): void {
    if (this.#sink) this.#sink.take(span)
    else if (this.#kept.length < keptSpans) this.#kept.push(span)
  }

  /** Random bytes are drawn in bulk: a draw costs as much as a message. */
  #id(bytes: number): string {
    if (this.#random.length < bytes) this.#random = randomBytes(4096)
    const id = this.#random.toString('hex', 0, bytes)
    this.#random = this.#random.subarray(bytes)
    return id
  }
}
