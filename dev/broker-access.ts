import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { redactUrl } from '../runtime/core/address.ts'
import { rereadBroker } from '../runtime/core/broker-config.ts'
import type { BrokerConfig, Environment, ReadText } from '../runtime/core/config.ts'
import { UsageError } from './arguments.ts'

/** How npm start and its functions reach the broker. */
export interface BrokerAccess {
  /** The variables that functions are told it by. */
  readonly env: Environment
  readonly vhost: string
  /** As it is at this moment: what stands in files may have changed. */
  now(): BrokerConfig
}

/** A file of settings or secrets, as functions read it. */
export const readText: ReadText = (path) => readFileSync(path, 'utf8')

/** True if a person says which broker it is. */
export const namesBroker = (env: Environment): boolean => Boolean(env.AMQP_URL || env.AMQP_URL_FILE)

/** What of an environment is about the broker. */
export const brokerVariables = (env: Environment): Environment =>
  Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith('AMQP_')))

/** The environment with the files of the broker's settings as absolute paths: functions run in another folder than a person types in. */
export function withAbsoluteFiles(env: Environment, cwd: string): Environment {
  const files = Object.entries(brokerVariables(env)).filter(([name, path]) => name.endsWith('_FILE') && path)
  return { ...env, ...Object.fromEntries(files.map(([name, path]) => [name, resolve(cwd, path ?? '')])) }
}

/** @throws FnError FN_ENV_INVALID naming all that is wrong, secrets redacted */
export function accessOf(env: Environment): BrokerAccess {
  const own = brokerVariables(env)
  const now = () => rereadBroker('npm start', own, readText)
  return { env: own, vhost: now().addresses[0]?.vhost ?? '/', now }
}

/** Host and port of each of its addresses, without user and password. */
export const shownAddresses = ({ addresses }: BrokerConfig): string =>
  addresses.map(({ hostname, port }) => `${hostname.includes(':') ? `[${hostname}]` : hostname}:${port}`).join(', ')

/**
 * Where the management of a broker is that was not started here; null: nobody said. Without a login in it it gets the broker's.
 * @throws UsageError if it is no address
 */
export function managementUrlOf({ RABBITMQ_MANAGEMENT_URL: given }: Environment, access: BrokerAccess): string | null {
  if (!given) return null
  const url = URL.canParse(given) ? new URL(given) : null
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(
      `RABBITMQ_MANAGEMENT_URL is ${redactUrl(given)}; expected http://user:password@host:15672 or https://…, user and password percent-encoded`,
    )
  }
  const [broker] = access.now().addresses
  if (url.username === '' && broker) {
    url.username = encodeURIComponent(broker.username)
    url.password = encodeURIComponent(broker.password)
  }
  return url.href
}
