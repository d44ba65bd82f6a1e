import type { ChannelModel } from 'amqplib'
import type { BrokerAddress } from '../../runtime/core/config.ts'
import { describe } from '../../runtime/core/errors.ts'
import { codeOf, fatalError, isVhostRefusal } from '../../runtime/rabbitmq/failures.ts'
import { closeConnection, openConnection } from '../../runtime/rabbitmq/open.ts'
import { systemClock as clock } from '../../runtime/system/clock.ts'
import { CommandError, type Io } from '../command.ts'
import { type Reach, reachOf, shownAddress } from './reach.ts'

/** With several brokers a silent one must not hold a person up. */
const handshakeMs = 5000

/** A connection to the broker, for the time of a command. */
export interface OpenBroker {
  readonly connection: ChannelModel
  /** The one of its addresses that answered. */
  readonly address: BrokerAddress
  readonly reach: Reach
  /** What a person should read of an error that came from this connection or one of its channels. */
  explain(cause: unknown): unknown
}

/**
 * Connects to the broker of the environment, does `work` and closes the connection, whatever happens.
 * @param purpose shown in the broker's list of connections: `kedafn dlq list`
 * @throws CommandError or FnError that says what to do
 */
export async function withBroker<T>(io: Io, purpose: string, work: (broker: OpenBroker) => Promise<T>): Promise<T> {
  const broker = await connect(reachOf(io), purpose)
  try {
    return await work(broker)
  } catch (error) {
    throw broker.explain(error)
  } finally {
    await closeConnection(broker.connection, clock)
  }
}

/** The first of the addresses that answers. */
async function connect(reach: Reach, purpose: string): Promise<OpenBroker> {
  const { addresses, tls } = reach.config
  const failures: string[] = []
  for (const address of addresses) {
    try {
      const connection = await openConnection(address, purpose, { tls, timeoutMs: handshakeMs })
      return { connection, address, reach, explain: (cause) => explained(cause, address) }
    } catch (cause) {
      const fatal = fatalError(cause, 'connecting', address, isVhostRefusal(cause))
      if (fatal) throw fatal
      failures.push(`${address.hostname}:${address.port}: ${describe(cause)}`)
    }
  }
  throw unreachable(reach, failures)
}

/** None of the broker's addresses answers. It may in a moment. */
export class BrokerUnreachable extends CommandError {}

function unreachable({ by }: Reach, failures: readonly string[]): CommandError {
  const advice =
    by === 'AMQP_URL'
      ? 'Check host and port in AMQP_URL, and whether the broker runs'
      : 'Start one with  npx kedafn start  in this checkout, or say where it is: AMQP_URL=amqp://user:password@host:5672'
  return new BrokerUnreachable(`there is no broker (${by}): ${failures.join('; ')}`, advice, { code: 'FN_BROKER_AWAY' })
}

function explained(cause: unknown, address: BrokerAddress): unknown {
  if (cause instanceof CommandError) return cause
  const words = describe(cause)
  const missing = /no (queue|exchange) '([^']*)'/.exec(words)
  if (codeOf(cause) === 404 && missing && !/home node/.test(words)) {
    return new CommandError(
      `there is no ${missing[1]} '${missing[2]}' (${shownAddress(address)})`,
      `Check the name and the vhost; a function's queue is made when the function first runs`,
      { cause, code: 'FN_TOPOLOGY_MISSING' },
    )
  }
  return fatalError(cause, 'open', address, false) ?? cause
}
