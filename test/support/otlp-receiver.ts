import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface ReceivedSpan {
  readonly traceId: string
  readonly spanId: string
  /** '' if it has none. */
  readonly parentSpanId: string
  readonly name: string
  /** As OTLP numbers them: 4 is a producer's, 5 a consumer's. */
  readonly kind: number
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
  readonly failed: boolean
  readonly service: string
  readonly attributes: Readonly<Record<string, string | number>>
}

/** A receiver of traces over OTLP/HTTP with protobuf, as a collector has one: it keeps what it gets. */
export async function otlpReceiver(
  t: TestContext,
): Promise<{ readonly endpoint: string; readonly spans: ReceivedSpan[] }> {
  const spans: ReceivedSpan[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const right = request.url === '/v1/traces' && request.headers['content-type'] === 'application/x-protobuf'
    if (right) spans.push(...readRequest(Buffer.concat(chunks)))
    response.writeHead(right ? 200 : 404, { 'content-type': 'application/x-protobuf' }).end()
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => server.close())
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans }
}

type Message = Map<number, (Buffer | bigint)[]>

/** The fields of a message by number, https://protobuf.dev/programming-guides/encoding/. */
function fieldsOf(bytes: Buffer): Message {
  const fields: Message = new Map()
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] ?? 0
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  while (at < bytes.length) {
    const tag = Number(varint())
    const wire = tag & 7
    let value: Buffer | bigint
    if (wire === 0) value = varint()
    else {
      const length = wire === 2 ? Number(varint()) : wire === 1 ? 8 : 4
      value = bytes.subarray(at, at + length)
      at += length
    }
    fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value])
  }
  return fields
}

const list = (message: Message, field: number): Buffer[] => (message.get(field) ?? []) as Buffer[]
const nested = (message: Message, field: number): Message[] => list(message, field).map(fieldsOf)
const hex = (message: Message, field: number): string => list(message, field)[0]?.toString('hex') ?? ''
const string = (message: Message, field: number): string => list(message, field)[0]?.toString() ?? ''
const number = (message: Message, field: number): number => Number(message.get(field)?.[0] ?? 0)

function attributesOf(message: Message, field: number): Record<string, string | number> {
  return Object.fromEntries(
    nested(message, field).map((pair) => {
      const value = nested(pair, 2)[0] ?? new Map()
      return [string(pair, 1), value.has(1) ? string(value, 1) : number(value, 3)]
    }),
  )
}

/** Field numbers from opentelemetry/proto/trace/v1/trace.proto. */
function readRequest(body: Buffer): ReceivedSpan[] {
  return nested(fieldsOf(body), 1).flatMap((resourceSpans) => {
    const resource = nested(resourceSpans, 1)[0] ?? new Map()
    const service = String(attributesOf(resource, 1)['service.name'])
    return nested(resourceSpans, 2)
      .flatMap((scopeSpans) => nested(scopeSpans, 2))
      .map((span) => ({
        traceId: hex(span, 1),
        spanId: hex(span, 2),
        parentSpanId: hex(span, 4),
        name: string(span, 5),
        kind: number(span, 6),
        links: nested(span, 13).map((link) => ({ traceId: hex(link, 1), spanId: hex(link, 2) })),
        failed: number(nested(span, 15)[0] ?? new Map(), 3) === 2,
        service,
        attributes: attributesOf(span, 9),
      }))
  })
}
