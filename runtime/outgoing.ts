import { bytes, text } from './core/codecs.ts'
import { describe, type ErrorCode } from './core/errors.ts'
import { header, withoutBrokerHeaders } from './core/headers.ts'
import { maxBodyBytes, type Piece } from './core/lines.ts'
import type { Context, EnvSpec, Line, ProducerSpec } from './core/spec.ts'
import { deadQueueOf } from './core/topology.ts'
import type { Log, OutgoingMessage } from './ports.ts'

export interface Outgoing {
  readonly spec: ProducerSpec<unknown, EnvSpec>
  readonly context: Context<EnvSpec>
  readonly log: Log
  readonly queue: string
  readonly exchange: string
  readonly maxLineBytes: number
}

/** An AMQP header table must fit one frame beside everything else; far below that is enough for headers. */
const headersLimitBytes = 32 * 1024
/** The protocol counts a header's name in one byte. */
const headerNameLimitBytes = 255

/** Makes the message of each line. What cannot be sent as the user meant it becomes a dead letter: no line stops the producer. */
export class MessageMaker {
  readonly #with: Outgoing
  readonly #encode: (value: unknown) => Uint8Array
  readonly #contentType: string

  constructor(outgoing: Outgoing) {
    this.#with = outgoing
    const codec = outgoing.spec.encode ?? bytes
    this.#encode = typeof codec === 'function' ? codec : (value) => (codec as typeof bytes).encode(value as Uint8Array)
    this.#contentType = typeof codec === 'function' ? bytes.contentType : codec.contentType
  }

  /** null: the line is skipped. */
  make(file: string, piece: Piece, now: number, mayRepeat: boolean): OutgoingMessage | null {
    const message = piece.kind === 'line' ? this.#line(file, piece.line, now) : this.#part(file, piece, now)
    return message && mayRepeat ? { ...message, headers: { ...message.headers, [header.mayRepeat]: true } } : message
  }

  #line(file: string, line: Line, now: number): OutgoingMessage | null {
    const { spec, context, exchange } = this.#with
    const messageId = `${file}:${line.offset}`
    let body: Uint8Array
    let headers: Readonly<Record<string, unknown>> | undefined
    try {
      const mapped = spec.map(line, context)
      if (mapped === null) return null
      // n.b. an async map returns a promise, which has no body either.
      if (typeof mapped !== 'object' || !('body' in mapped))
        throw new TypeError('map returned neither { body } nor null')
      headers = mapped.headers
      checkHeaders(headers)
      // n.b. the codec gives back the very bytes of a text that it decoded, so nothing need be encoded to know them.
      body = spec.encode === text && mapped.body === line.text ? line.bytes : this.#encode(mapped.body)
      if (!(body instanceof Uint8Array)) throw new TypeError(`encode returned ${typeof body}, expected bytes`)
    } catch (error) {
      return this.#dead(messageId, line.bytes, 'FN_MAP_FAILED', describe(error), now)
    }
    if (body.length > maxBodyBytes) {
      const cause = `the encoded body has ${body.length} bytes, at most ${maxBodyBytes} can be sent; this is the line itself`
      return this.#dead(messageId, line.bytes, 'FN_MESSAGE_TOO_LARGE', cause, now)
    }
    const message = { exchange, routingKey: '', body, messageId, contentType: this.#contentType, timestamp: now }
    return headers === undefined ? message : { ...message, headers }
  }

  /** A line longer than a message may be stops nothing and is not cut: all of it goes to dead letters, in parts. */
  #part(file: string, piece: Extract<Piece, { kind: 'part' }>, now: number): OutgoingMessage {
    const { offset, part, end } = piece
    const cause = `the line at byte ${offset} is longer than ${this.#with.maxLineBytes} bytes; this is part ${part} of it`
    const message = this.#dead(`${file}:${offset}/${part}`, piece.bytes, 'FN_LINE_TOO_LONG', cause, now)
    return { ...message, headers: { ...message.headers, [header.part]: part, [header.lastPart]: end !== null } }
  }

  #dead(messageId: string, body: Uint8Array, code: ErrorCode, cause: string, now: number): OutgoingMessage {
    const { queue, log } = this.#with
    log.error('a line goes to dead letters', { id: messageId, code, cause })
    const at = new Date(now).toISOString()
    const headers = {
      [header.origin]: queue,
      [header.code]: code,
      [header.cause]: cause.slice(0, 1024),
      [header.firstFailure]: at,
      [header.lastFailure]: at,
    }
    return {
      exchange: '',
      routingKey: deadQueueOf(queue),
      body,
      messageId,
      contentType: bytes.contentType,
      timestamp: now,
      headers,
    }
  }
}

/** @throws TypeError for headers that AMQP cannot carry */
function checkHeaders(headers: Readonly<Record<string, unknown>> | undefined): void {
  let size = 0
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (!['string', 'number', 'boolean'].includes(typeof value)) {
      throw new TypeError(`header '${name}' is ${typeof value}, expected a string, number or boolean`)
    }
    if (typeof value === 'number' && !Number.isFinite(value)) {
      throw new TypeError(`header '${name}' is ${value}, expected a finite number`)
    }
    const nameBytes = text.encode(name).length
    if (nameBytes > headerNameLimitBytes) {
      throw new TypeError(
        `the name of header '${name.slice(0, 20)}…' has ${nameBytes} bytes, at most ${headerNameLimitBytes} can be sent`,
      )
    }
    if (Object.keys(withoutBrokerHeaders({ [name]: value })).length === 0) {
      throw new TypeError(`header '${name}' is one that the broker writes or acts on`)
    }
    size += nameBytes + text.encode(String(value)).length
  }
  if (size > headersLimitBytes)
    throw new TypeError(`the headers have ${size} bytes, at most ${headersLimitBytes} can be sent`)
}
