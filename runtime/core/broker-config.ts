import { type BrokerAddress, isAnonymous, parseAddress, redactUrl, splitAddresses } from './address.ts'
import { textOptions } from './options.ts'
import { Problems, redacted } from './problems.ts'
import { type Environment, type ReadText, readProblem, withFiles } from './secret-files.ts'

/** What TLS needs besides the address, as PEM. Null: not set. */
export interface TlsConfig {
  readonly ca: string | null
  readonly cert: string | null
  readonly key: string | null
  readonly passphrase: string | null
  /** The name that the broker's certificate must have. Null: the host's. */
  readonly serverName: string | null
}

/** How to reach the broker, and who logs in. */
export interface BrokerConfig {
  /** Any of them will do; they are tried in turn. */
  readonly addresses: readonly BrokerAddress[]
  readonly tls: TlsConfig
}

/** What may be given as a file, by the variable with `_FILE` at its end. */
const fromFiles = ['AMQP_URL', 'AMQP_USERNAME', 'AMQP_PASSWORD', 'AMQP_KEY_PASSPHRASE']
const pemFiles = { ca: 'AMQP_CA_FILE', cert: 'AMQP_CERT_FILE', key: 'AMQP_KEY_FILE' } as const

/** True if a part of it stands in files, which may have changed since. */
export const hasFiles = (env: Environment): boolean =>
  [...fromFiles.map((name) => `${name}_FILE`), ...Object.values(pemFiles)].some((name) => env[name])

/** @throws FnError FN_ENV_INVALID naming every problem, secrets redacted; `name` is the function's */
export function rereadBroker(name: string, env: Environment, read: ReadText): BrokerConfig {
  const problems = new Problems()
  const config = readBroker(problems, env, read)
  problems.throwIfAny('FN_ENV_INVALID', name)
  return config
}

export function readBroker(problems: Problems, env: Environment, read: ReadText): BrokerConfig {
  const values = withFiles(problems, fromFiles, env, read)
  const tls = readTls(problems, values, read)
  const seen = values.AMQP_URL || textOptions.AMQP_URL.default
  const login = readLogin(problems, values, env)
  const addresses = splitAddresses(seen).flatMap((one) => {
    const address = readAddress(problems, one)
    if (address === null) return []
    const external = login.username === undefined && tls.cert !== null && isAnonymous(one)
    return { ...address, ...login, ...(external ? { external } : {}) }
  })
  checkTls(problems, addresses, env)
  for (const { username, password, vhost } of addresses) {
    // n.b. SASL PLAIN parts user and password with it.
    if (`${username}${password}`.includes('\0')) {
      problems.add('AMQP_USERNAME and AMQP_PASSWORD', redacted, 'no character NUL')
    }
    if (new TextEncoder().encode(vhost).length > 255) problems.add('AMQP_VHOST', vhost, 'at most 255 bytes')
  }
  return { addresses, tls }
}

const addressRule = 'amqp://user:password@host:port/vhost or amqps://…, user, password and vhost percent-encoded'

function readAddress(problems: Problems, seen: string): BrokerAddress | null {
  try {
    return parseAddress(seen)
  } catch {
    problems.add('AMQP_URL', redactUrl(seen), addressRule)
    return null
  }
}

type Login = Partial<Pick<BrokerAddress, 'username' | 'password' | 'vhost'>>

/** What is set beside the address, as it is: nothing in it is percent-encoded. */
function readLogin(problems: Problems, values: Environment, env: Environment): Login {
  const given = (name: string) => Boolean(values[name] || env[`${name}_FILE`])
  const [user, word] = [given('AMQP_USERNAME'), given('AMQP_PASSWORD')]
  const without = user ? 'AMQP_PASSWORD' : 'AMQP_USERNAME'
  if (user !== word) problems.add(without, undefined, 'AMQP_USERNAME and AMQP_PASSWORD, or neither of them')
  const { AMQP_USERNAME: username, AMQP_PASSWORD: password, AMQP_VHOST: vhost } = values
  return {
    ...(user && word ? { username: username ?? '', password: password ?? '' } : {}),
    ...(vhost ? { vhost } : {}),
  }
}

function readTls(problems: Problems, values: Environment, read: ReadText): TlsConfig {
  const pem = (option: string): string | null => {
    const path = values[option]
    if (!path) return null
    const text = readProblem(problems, option, path, read)
    if (text === undefined) return null
    if (!text.includes('-----BEGIN ')) problems.add(option, path, 'a file in PEM form (-----BEGIN …)')
    return text
  }
  return {
    ca: pem(pemFiles.ca),
    cert: pem(pemFiles.cert),
    key: pem(pemFiles.key),
    passphrase: values.AMQP_KEY_PASSPHRASE || null,
    serverName: values.AMQP_TLS_SERVER_NAME || null,
  }
}

/** n.b. What is set for TLS must not go without it in silence. */
function checkTls(problems: Problems, addresses: readonly BrokerAddress[], env: Environment): void {
  const { cert, key } = pemFiles
  if (Boolean(env[cert]) !== Boolean(env[key])) {
    problems.add(env[cert] ? key : cert, undefined, `${cert} and ${key}, or neither of them`)
  }
  const encrypted = addresses.filter((address) => address.tls).length
  if (encrypted > 0 && encrypted < addresses.length) {
    problems.add('AMQP_URL', redacted, 'amqps:// in all of its addresses, or in none')
  }
  if (encrypted > 0 || addresses.length === 0) return
  for (const option of [...Object.values(pemFiles), 'AMQP_TLS_SERVER_NAME']) {
    if (env[option]) problems.add(option, env[option], 'amqps:// in AMQP_URL with it')
  }
}
