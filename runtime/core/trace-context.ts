import type { Headers } from './spec.ts'

/** Where something stands in a trace: W3C Trace Context, https://www.w3.org/TR/trace-context/. */
export interface TraceContext {
  /** 32 hexadecimal digits in lower case, not all 0. */
  readonly traceId: string
  /** 16 of them. */
  readonly spanId: string
  readonly sampled: boolean
  /** What other systems added, as it came; '' if nothing. */
  readonly state: string
}

const parentHeader = 'traceparent'
const stateHeader = 'tracestate'

/** version, trace id, span id, flags; a version beyond 00 may have more behind another dash. */
const parentPattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
/** A list of `key=value`, as far as a carrier need look at it. */
const statePattern = /^[ \t]*(?:[a-z0-9][a-z0-9_*/@-]{0,255}=[ -+\--<>-~]{1,256}[ \t]*(?:,[ \t]*|$))+$/
const stateLimit = 512
const zeros = /^0+$/
/** As many as a double holds exactly. */
const digits = 13

/** The context that a message carries, or null if it has none that can be read. Never throws: a bad header is no reason to lose a message. */
export function traceContextOf(headers: Headers): TraceContext | null {
  const value = headers[parentHeader]
  if (typeof value !== 'string') return null
  const [, version, traceId = '', spanId = '', flags = '', rest] = parentPattern.exec(value.trim()) ?? []
  if (version === undefined || version === 'ff' || (version === '00' && rest !== undefined)) return null
  if (zeros.test(traceId) || zeros.test(spanId)) return null
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1, state: stateOf(headers) }
}

/** n.b. the standard wants a bad `tracestate` dropped, and the trace kept. */
function stateOf(headers: Headers): string {
  const state = headers[stateHeader]
  return typeof state === 'string' && state.length <= stateLimit && statePattern.test(state) ? state : ''
}

/** The headers that carry `context` to whoever gets the message. */
export function traceHeaders({ traceId, spanId, sampled, state }: TraceContext): Record<string, string> {
  const parent = { [parentHeader]: `00-${traceId}-${spanId}-0${sampled ? 1 : 0}` }
  return state === '' ? parent : { ...parent, [stateHeader]: state }
}

/**
 * Whether a trace that begins here is one of `ratio` of all: the last bits of its id are random, and decide it everywhere alike.
 * Source: OpenTelemetry, "TraceState: Probability Sampling", rejection threshold.
 */
export function isChosen(traceId: string, ratio: number): boolean {
  return Number.parseInt(traceId.slice(-digits), 16) >= (1 - ratio) * 16 ** digits
}
