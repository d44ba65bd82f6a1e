/**
 * Every error the runtime raises itself, in one table. `verdict` says what follows from it:
 * `retry` and `drop` settle a delivery, `fatal` ends the process with exit code 1, `config` with exit code 2.
 * `docs/reference/errors.md` has one heading per code; a test compares the two both ways.
 */
const table = {
  FN_SPEC_INVALID: { verdict: 'config', summary: 'the function spec cannot be satisfied' },
  FN_ENV_INVALID: { verdict: 'config', summary: 'the environment holds values that cannot be used' },
  FN_SETUP_FAILED: { verdict: 'fatal', summary: "the function's setup failed" },
  FN_HANDLER_FAILED: { verdict: 'retry', summary: 'the handler threw' },
  FN_HANDLER_TIMEOUT: { verdict: 'retry', summary: 'the handler took longer than it may' },
  FN_HANDLER_STUCK: { verdict: 'fatal', summary: 'a handler goes on although it was told to give up' },
  FN_OUTCOME_INVALID: { verdict: 'retry', summary: 'the handler returned something that is no list of outcomes' },
  FN_DECODE_FAILED: { verdict: 'drop', summary: 'the body could not be decoded' },
  FN_MAP_FAILED: { verdict: 'drop', summary: "the producer's map or encode threw" },
  FN_MESSAGE_TOO_LARGE: { verdict: 'drop', summary: 'the body is larger than a message may be' },
  FN_LINE_TOO_LONG: { verdict: 'drop', summary: 'the line is longer than a message may be' },
  FN_ATTEMPTS_EXHAUSTED: { verdict: 'drop', summary: 'every allowed attempt failed' },
  FN_TOO_OLD: { verdict: 'drop', summary: 'the delivery has been failing for longer than it may' },
  FN_CRASH_LOOP: { verdict: 'drop', summary: 'the process died each time it handled this delivery' },
  FN_DROPPED: { verdict: 'drop', summary: 'the handler gave the delivery up' },
  FN_LOGIN_REFUSED: { verdict: 'fatal', summary: 'the broker refused the user or the password' },
  FN_CERTIFICATE_UNTRUSTED: { verdict: 'fatal', summary: "the broker's certificate is not accepted" },
  FN_CERTIFICATE_REFUSED: { verdict: 'fatal', summary: 'the broker does not accept the certificate of this client' },
  FN_CERTIFICATE_UNUSABLE: { verdict: 'fatal', summary: 'certificate and key cannot be used' },
  FN_VHOST_REFUSED: { verdict: 'fatal', summary: 'the vhost does not exist or the user may not enter it' },
  FN_PERMISSION_REFUSED: { verdict: 'fatal', summary: 'the user lacks a permission on the broker' },
  FN_TOPOLOGY_MISSING: { verdict: 'fatal', summary: 'an exchange or queue that the function needs does not exist' },
  FN_TOPOLOGY_MISMATCH: { verdict: 'fatal', summary: 'an exchange or queue exists with other arguments' },
  FN_MESSAGE_UNSENDABLE: { verdict: 'fatal', summary: 'a message has properties or headers that AMQP cannot carry' },
  FN_SOURCE_UNREADABLE: { verdict: 'fatal', summary: 'the input file cannot be read' },
  FN_CHECKPOINT_UNUSABLE: { verdict: 'fatal', summary: 'the checkpoint cannot be read or written' },
  FN_BROKER_AWAY: {
    verdict: 'retry',
    summary: 'there has been no session with the broker for longer than there may be',
  },
  FN_QUEUE_GONE: { verdict: 'retry', summary: 'the queue was deleted while lines were sent to it' },
  FN_TAKEN_OVER: { verdict: 'retry', summary: 'another producer took over the source' },
  FN_DRAIN_TIMEOUT: { verdict: 'fatal', summary: 'the drain did not end within its grace period' },
} as const satisfies Record<string, { verdict: 'retry' | 'drop' | 'fatal' | 'config'; summary: string }>

export type ErrorCode = keyof typeof table
export type ErrorVerdict = (typeof table)[ErrorCode]['verdict']

export const errorCodes = Object.keys(table) as ErrorCode[]

/** Codes that were used once. They are never given a new meaning. */
export const retiredErrorCodes: readonly string[] = []

/** An error of the runtime: a code of the table, what happened this time, and the verdict that follows. */
export class FnError extends Error {
  readonly code: ErrorCode
  readonly verdict: ErrorVerdict

  constructor(code: ErrorCode, detail: string, options?: { cause?: unknown }) {
    super(`${table[code].summary}: ${detail}`, options)
    this.name = 'FnError'
    this.code = code
    this.verdict = table[code].verdict
  }
}

/** Throw it from a handler to give a delivery (in a batch handler: the whole batch) up at once, without retries. */
export class DropError extends Error {
  readonly verdict = 'drop'

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'DropError'
  }
}

/** What a person should read of anything that was thrown. Total: never throws. */
export function describe(thrown: unknown): string {
  try {
    if (typeof thrown !== 'object' || thrown === null) return String(thrown)
    const { message, errors, name } = thrown as Partial<AggregateError>
    if (typeof message === 'string' && message !== '') return message
    // n.b. A refused connection to a host with two addresses is an AggregateError without a message.
    if (Array.isArray(errors) && errors.length > 0) return errors.map(describe).join('; ')
    return thrown instanceof Error ? `${name}` : `${JSON.stringify(thrown)}`
  } catch {
    return 'a value that cannot be shown'
  }
}

/** True if the thrown value itself says that retrying is useless. */
export function saysDrop(thrown: unknown): boolean {
  return typeof thrown === 'object' && thrown !== null && 'verdict' in thrown && thrown.verdict === 'drop'
}

/** A process's exit code for an error that ends it: 2 for a configuration that a person must mend, else 1. */
export function exitCodeOf(thrown: unknown): 1 | 2 {
  return thrown instanceof FnError && thrown.verdict === 'config' ? 2 : 1
}
