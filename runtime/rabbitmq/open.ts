import type { Duplex } from 'node:stream'
import { type ChannelModel, connect } from 'amqplib'
import type { BrokerAddress, TlsConfig } from '../core/config.ts'
import type { Clock } from '../ports.ts'
import { corkTurns } from './cork.ts'
import { tlsOptions } from './tls.ts'

const standardHeartbeatS = 10
export const handshakeTimeoutMs = 10_000
const closeTimeoutMs = 1000

export interface OpenOptions {
  /** Destroys the socket when it fires, at whatever the connection is then. */
  readonly signal?: AbortSignal
  readonly heartbeatS?: number | undefined
  readonly timeoutMs?: number
  readonly tls?: TlsConfig
}

export const noTls: TlsConfig = { ca: null, cert: null, key: null, passphrase: null, serverName: null }

/**
 * n.b. `noDelay` is off by default in amqplib, and then each small write behind an unanswered one waits about 44 ms for the
 * peer's delayed ACK. The vhost is decoded by amqplib, also in this form, so it is encoded here. `signal` is one of the
 * options that amqplib passes on to `net.connect` and `tls.connect`: the only hold on a socket before its handshake is through.
 */
export async function openConnection(
  address: BrokerAddress,
  connectionName: string,
  { signal, heartbeatS = standardHeartbeatS, timeoutMs = handshakeTimeoutMs, tls: tlsConfig = noTls }: OpenOptions = {},
): Promise<ChannelModel> {
  const { tls, hostname, port, username, password, vhost } = address
  const socketOptions = {
    noDelay: true,
    timeout: timeoutMs,
    clientProperties: { connection_name: connectionName },
    ...tlsOptions(address, tlsConfig),
    ...(signal && { signal }),
  }
  const connection = await connect(
    {
      protocol: tls ? 'amqps' : 'amqp',
      hostname,
      port,
      username,
      password,
      vhost: encodeURIComponent(vhost),
      heartbeat: heartbeatS,
    },
    socketOptions,
  )
  // An `error` without a listener is thrown where nobody catches it.
  connection.on('error', () => {})
  corkTurns(streamOf(connection))
  return connection
}

/**
 * Closes politely, `farewell` first, but never waits longer than a second: a silent peer would hold us for ever, and its
 * socket too.
 */
export async function closeConnection(
  connection: ChannelModel,
  clock: Clock,
  farewell: () => Promise<unknown> = async () => {},
): Promise<void> {
  let cancelTimer = () => {}
  const deadline = new Promise<void>((resolve) => {
    cancelTimer = clock.after(closeTimeoutMs, resolve)
  })
  const polite = farewell().then(() => connection.close())
  await Promise.race([polite.catch(() => {}), deadline])
  cancelTimer()
  destroy(connection)
}

/**
 * amqplib only half-closes the socket of a connection it gives up, and that keeps the process alive. With an error, so that
 * it ends its heartbeats too: they would go on without the socket, and report the silence.
 */
function destroy(connection: ChannelModel): void {
  streamOf(connection).destroy(new Error('the connection was given up'))
}

/** n.b. amqplib has it, and does not document it. */
const streamOf = (connection: ChannelModel): Duplex => (connection.connection as unknown as { stream: Duplex }).stream
