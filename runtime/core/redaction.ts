import type { BrokerConfig } from './broker-config.ts'
import type { EnvSpec } from './spec.ts'

/** A shorter one would take pieces out of words, and guards nothing. */
const shortestSecret = 4

export interface Guarded {
  readonly broker: BrokerConfig
  /** The variables that the spec declares, and their values. */
  readonly declared: EnvSpec
  readonly env: Readonly<Record<string, string>>
}

/**
 * What no log line may hold, as it is and percent-encoded, as in an address; the longest first, or a part of one would be left.
 * n.b. A password that is its user's name is none: everybody's guest.
 */
export function secretsOf({ broker, declared, env }: Guarded): readonly string[] {
  const passwords = broker.addresses.flatMap(({ username, password }) => (password === username ? [] : [password]))
  const variables = Object.entries(declared).flatMap(([name, { secret }]) => (secret ? [env[name] ?? ''] : []))
  const all = [...passwords, broker.tls.passphrase ?? '', ...variables].filter((one) => one.length >= shortestSecret)
  return [...new Set(all.flatMap((one) => [one, encodeURIComponent(one.toWellFormed())]))].sort(
    (a, b) => b.length - a.length,
  )
}

/** The text with `***` in the place of each secret. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, '***'), text)
}
