/** Where and how to reach the broker. */
export interface BrokerAddress {
  readonly tls: boolean
  readonly hostname: string
  readonly port: number
  readonly username: string
  readonly password: string
  readonly vhost: string
  /** The client's certificate says who it is (SASL EXTERNAL); user and password are not sent. */
  readonly external?: true
}

/** The addresses of a list: a comma parts them only where a scheme follows, elsewhere it belongs to a password. */
export const splitAddresses = (list: string): string[] => list.split(/,\s*(?=amqps?:\/\/)/i)

/** True of a sound address without user and password. */
export function isAnonymous(address: string): boolean {
  const { username, password } = new URL(address)
  return username === '' && password === ''
}

/**
 * Reads an AMQP address. An unencoded `#`, `?` or `/` in a password makes a URL parser take the rest for something else
 * and yields a wrong host, so whatever looks like that is refused.
 * @throws TypeError or URIError if it is no AMQP address; the message may hold the password, do not show it
 */
export function parseAddress(address: string): BrokerAddress {
  const url = new URL(address)
  const sound = /^amqps?:$/.test(url.protocol) && url.hostname !== '' && url.port !== '0' && !isAmbiguous(url)
  // n.b. A URL parser takes line breaks and tabs out in silence.
  if (!sound || /[\t\n\r]/.test(address.trim())) throw new TypeError('no AMQP address')
  const tls = url.protocol === 'amqps:'
  const anonymous = url.username === '' && url.password === ''
  return {
    tls,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || (tls ? 5671 : 5672)),
    username: anonymous ? 'guest' : decodeURIComponent(url.username),
    password: anonymous ? 'guest' : decodeURIComponent(url.password),
    vhost: decodeURIComponent(url.pathname.slice(1)) || '/',
  }
}

/** Scheme, user and host of a URL; of what is no URL, or may hold a password in the wrong place, the scheme at most. */
export function redactUrl(seen: string): string {
  const scheme = /^(?:amqp|http)s?:\/\//i.exec(seen)?.[0] ?? ''
  const url = scheme !== '' && URL.canParse(seen) ? new URL(seen) : null
  if (!url || isAmbiguous(url) || (seen.includes('@') && url.username === '')) return `${scheme}***`
  return `${scheme}${url.username === '' ? '' : `${url.username}:***@`}${url.host}`
}

/** True if what follows the host may be the rest of a password. */
const isAmbiguous = (url: URL): boolean => url.search !== '' || url.hash !== '' || url.pathname.includes('@')
