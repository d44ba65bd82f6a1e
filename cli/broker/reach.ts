import { join } from 'node:path'
import { runningBroker } from '../../dev/running.ts'
import { redactUrl } from '../../runtime/core/address.ts'
import { rereadBroker } from '../../runtime/core/broker-config.ts'
import { type BrokerAddress, type BrokerConfig, parseAddress } from '../../runtime/core/config.ts'
import { textOptions } from '../../runtime/core/options.ts'
import { readText } from '../../runtime/system/read-text.ts'
import { type Io, UsageError, type Variable } from '../command.ts'

const root = join(import.meta.dirname, '..', '..')

/** What says where the broker is and who logs in: a password belongs into none of the arguments, which every user of a machine sees. */
const amqpVariables: readonly Variable[] = Object.entries(textOptions)
  .filter(([name]) => name.startsWith('AMQP_'))
  .map(([name, { meaning }]) => ({ name, description: meaning }))

/** For `variables` of each command that reaches a broker. */
export const brokerVariables: readonly Variable[] = [
  {
    name: 'AMQP_URL',
    description: 'the broker, user:password@ included; else that of npm start while it runs, else amqp://127.0.0.1',
  },
  ...amqpVariables.filter(({ name }) => name !== 'AMQP_URL'),
]

/** For `variables` of each command that asks the broker's management, besides {@link brokerVariables}. */
export const managementVariables: readonly Variable[] = [
  {
    name: 'KEDAFN_MANAGEMENT_URL',
    description:
      "the broker's management, http://user:password@host:port; else RABBITMQ_MANAGEMENT_URL, else the broker's host, its port and 10000. Without user and password in it, those of the broker",
  },
  { name: 'KEDAFN_MANAGEMENT_URL_FILE', description: 'a file that holds what KEDAFN_MANAGEMENT_URL would' },
  { name: 'RABBITMQ_MANAGEMENT_URL', description: 'the same, as npm start reads it' },
]

/** A broker, and how it was found. */
export interface Reach {
  readonly config: BrokerConfig
  /** In words, for messages: `AMQP_URL`, `npm start`, `the default`. */
  readonly by: string
  /** The bases of the management's API, with user and password: to be tried in turn. */
  readonly managementUrls: readonly string[]
}

/**
 * Where the broker is, from the environment; else that of `npm start`, if it runs in this checkout; else the standard port here.
 * @throws FnError FN_ENV_INVALID
 */
export function reachOf({ env }: Pick<Io, 'env'>): Reach {
  const isSet = amqpVariables.some(({ name }) => env[name])
  const running = isSet ? null : runningBroker(root)
  const config = running
    ? rereadBroker('kedafn', { AMQP_URL: running.url }, readText)
    : rereadBroker('kedafn', env, readText)
  const given = givenManagement(env, config.addresses[0]) ?? running?.managementUrl
  return {
    config,
    by: isSet ? 'AMQP_URL' : running ? 'npm start' : 'the default',
    managementUrls: given ? [given] : config.addresses.map(derivedManagement),
  }
}

function givenManagement(env: Io['env'], broker: BrokerAddress | undefined): string | null {
  const path = env.KEDAFN_MANAGEMENT_URL_FILE
  const seen = env.KEDAFN_MANAGEMENT_URL || (path ? readText(path).trim() : '') || env.RABBITMQ_MANAGEMENT_URL || ''
  if (seen === '') return null
  const url = URL.parse(seen)
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(
      `KEDAFN_MANAGEMENT_URL is ${redactUrl(seen)}; expected http://user:password@host:port, user and password percent-encoded`,
    )
  }
  if (url.username === '' && broker) {
    url.username = encodeURIComponent(broker.username)
    url.password = encodeURIComponent(broker.password)
  }
  return url.href
}

/** n.b. RabbitMQ's own ports: 5672 and 15672, 5671 and 15671 with TLS. */
const managementDistance = 10_000

function derivedManagement({ tls, hostname, port, username, password }: BrokerAddress): string {
  const host = hostname.includes(':') ? `[${hostname}]` : hostname
  const login = `${encodeURIComponent(username)}:${encodeURIComponent(password)}`
  return `${tls ? 'https' : 'http'}://${login}@${host}:${port + managementDistance}`
}

/** The vhost, the same in all of the addresses. */
export const vhostOf = ({ config }: Reach): string =>
  config.addresses[0]?.vhost ?? parseAddress('amqp://localhost').vhost

/** In words, without a secret: `guest at 127.0.0.1:5672, vhost /`. */
export const shownAddress = ({ hostname, port, username, vhost }: BrokerAddress): string =>
  `${username} at ${hostname}:${port}, vhost ${vhost}`
