import { credentials } from 'amqplib'
import type { BrokerAddress, TlsConfig } from '../core/config.ts'
import { describe, FnError } from '../core/errors.ts'

/** What `tls.connect` and the login take of it; nothing of it for an address without TLS. */
export function tlsOptions(address: BrokerAddress, { ca, cert, key, passphrase, serverName }: TlsConfig) {
  if (!address.tls) return {}
  return {
    ...(ca !== null && { ca }),
    ...(cert !== null && { cert }),
    ...(key !== null && { key }),
    ...(passphrase !== null && { passphrase }),
    ...(serverName !== null && { servername: serverName }),
    ...(address.external && { credentials: credentials.external() }),
  }
}

const untrusted: Readonly<Record<string, string>> = {
  ERR_TLS_CERT_ALTNAME_INVALID:
    'it is for another name. Use a host that stands in it, or set AMQP_TLS_SERVER_NAME to the name it has',
  CERT_HAS_EXPIRED: 'it has expired. Renew it on the broker (and see whether the clocks are right)',
  CERT_NOT_YET_VALID: 'it is not valid yet. See whether the clocks are right',
}
const unknownIssuer =
  'who signed it is not known. Set AMQP_CA_FILE to the certificate of the authority that signed it, in PEM form'
const unknownIssuerCodes =
  /^(UNABLE_TO_(GET_ISSUER_CERT|GET_ISSUER_CERT_LOCALLY|VERIFY_LEAF_SIGNATURE)|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|CERT_SIGNATURE_FAILURE)$/

/** The coded error for what only a person can mend in certificates, or null. `where` is host and port. */
export function tlsFailure(cause: unknown, where: string): FnError | null {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : ''
  const words = describe(cause)
  const hint = untrusted[code] ?? (unknownIssuerCodes.test(code) ? unknownIssuer : null)
  if (hint !== null) {
    return new FnError('FN_CERTIFICATE_UNTRUSTED', `${where}: ${hint} (${words})`, { cause })
  }
  // n.b. TLS 1.3 tells a client that its certificate is refused, or missing, only after the handshake.
  if (
    /alert (bad certificate|unknown ca|certificate (required|expired|unknown|revoked)|unsupported certificate|handshake failure)/i.test(
      words,
    )
  ) {
    const what =
      'Set AMQP_CERT_FILE and AMQP_KEY_FILE to a certificate, not expired, of an authority that the broker knows'
    return new FnError('FN_CERTIFICATE_REFUSED', `${where}. ${what} (${words})`, { cause })
  }
  // n.b. These come of the files themselves, before a socket is opened.
  if (
    /^ERR_OSSL_|^ERR_CRYPTO_|^ERR_INVALID_ARG/.test(code) ||
    /key values mismatch|bad decrypt|no start line/.test(words)
  ) {
    const files = 'AMQP_CA_FILE, AMQP_CERT_FILE, AMQP_KEY_FILE or AMQP_KEY_PASSPHRASE'
    return new FnError('FN_CERTIFICATE_UNUSABLE', `${files}: the key must fit the certificate (${words})`, { cause })
  }
  return null
}
