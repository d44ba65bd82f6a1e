import type { BrokerAddress } from '../core/config.ts'
import { describe, FnError } from '../core/errors.ts'
import { tlsFailure } from './tls.ts'

/** Where in its life a session was when it ended. */
export type Stage = 'connecting' | 'opening' | 'open'

/** The reply code of the broker, if that is what ended it. */
export const codeOf = (cause: unknown): number | undefined =>
  typeof cause === 'object' && cause !== null && 'code' in cause && typeof cause.code === 'number'
    ? cause.code
    : undefined

/** The broker closed the connection on `connection.open`: all that amqplib tells of a vhost that is missing or forbidden. */
export const isVhostRefusal = (cause: unknown): boolean =>
  /Expected ConnectionOpenOk; got <ConnectionClose/.test(describe(cause))

/**
 * The coded error for what only a person can mend, or null for what passes: then the session begins anew.
 *
 * | cause | what it is |
 * |---|---|
 * | 403 in the handshake | user or password |
 * | an error of TLS | certificates |
 * | close on `connection.open`, again and again | vhost |
 * | 403 on a channel | permission |
 * | 404 while opening, `no queue` or `no exchange` | topology missing |
 * | 404 while opening, `home node` | the broker is still starting: passes |
 * | 406 while opening | topology with other arguments |
 */
export function fatalError(
  cause: unknown,
  stage: Stage,
  address: BrokerAddress,
  vhostRefused: boolean,
): FnError | null {
  if (cause instanceof FnError) return cause
  const words = describe(cause)
  const where = `${address.hostname}:${address.port}`
  const who = `${address.external ? 'the certificate of AMQP_CERT_FILE' : `user '${address.username}'`} at ${where}`
  if (stage === 'connecting') {
    if (/ACCESS[-_]REFUSED|unknown authentication mechanism/.test(words)) {
      const hint = address.external
        ? 'Make a user of the name in it, and enable rabbitmq_auth_mechanism_ssl on the broker, or set AMQP_USERNAME and AMQP_PASSWORD'
        : 'Check user and password in AMQP_URL, or AMQP_USERNAME and AMQP_PASSWORD'
      return new FnError('FN_LOGIN_REFUSED', `${who}. ${hint}`, { cause })
    }
    const failure = address.tls ? tlsFailure(cause, where) : null
    if (failure) return failure
    if (vhostRefused) {
      const hint = 'Create the vhost, give the user permissions on it, or mend the vhost in AMQP_URL or AMQP_VHOST'
      return new FnError('FN_VHOST_REFUSED', `vhost '${address.vhost}', ${who}. ${hint}`, { cause })
    }
    return null
  }
  const code = codeOf(cause)
  if (code === 403) return new FnError('FN_PERMISSION_REFUSED', `${who}, vhost '${address.vhost}': ${words}`, { cause })
  if (stage === 'open') return null
  if (code === 404 && /no (queue|exchange) '/.test(words)) {
    const hint = 'Apply the topology first, or set KEDAFN_TOPOLOGY=declare'
    return new FnError('FN_TOPOLOGY_MISSING', `${words}. ${hint}`, { cause })
  }
  if (code === 406) {
    const hint = 'Delete it once it is empty, or use another queue name'
    return new FnError('FN_TOPOLOGY_MISMATCH', `${words}. ${hint}`, { cause })
  }
  return null
}

const ends: readonly (readonly [RegExp, string])[] = [
  [/heartbeat/i, 'heartbeat'],
  [/cancelled the consumer/, 'consumer_cancelled'],
  [/no queue takes message|nacked/, 'publish_refused'],
  [/CONNECTION.FORCED/, 'broker_shutdown'],
  [/Channel closed by server|the channel was closed|the cancel/, 'channel_error'],
  [/Connection closed: /, 'connection_error'],
  [/ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|Unexpected close|Socket|the connection was closed/, 'socket'],
]

/** What ended a session, in the few words that the metric has for it. */
export function sessionEndOf(cause: unknown): string {
  const words = describe(cause)
  return ends.find(([pattern]) => pattern.test(words))?.[1] ?? 'other'
}

/** What a person might do about a cause that mostly passes by itself, or null. */
export function adviceOn(cause: unknown): string | null {
  if (/home node/.test(describe(cause))) {
    return 'The node that holds the queue is starting, or down: start it, or delete the queue if that node is gone for good'
  }
  if (/delivery acknowledgement .*timed out/.test(describe(cause))) {
    return "A handler held a delivery for longer than the broker's consumer_timeout: keep timeoutMs well below it, or raise it on the broker"
  }
  const name = /getaddrinfo (?:ENOTFOUND|EAI_AGAIN) (\S+)/.exec(describe(cause))?.[1]
  return name === undefined
    ? null
    : `No address is known for '${name}': check the host in AMQP_URL, and the name server`
}
