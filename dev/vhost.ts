/**
 * Gives each pipeline a vhost of its own on a private broker: what one leaves in its queues never gets into another's output.
 * @param fresh begin with empty queues
 * @returns the AMQP address of the vhost
 */
export async function ownVhost(
  broker: { readonly url: string; readonly managementUrl: string },
  id: string,
  fresh: boolean,
): Promise<string> {
  const name = `kedafn-${id}`
  const url = new URL(broker.url)
  const user = decodeURIComponent(url.username || 'guest')
  const vhost = `vhosts/${encodeURIComponent(name)}`
  if (fresh) await ask(broker.managementUrl, 'DELETE', vhost)
  await ask(broker.managementUrl, 'PUT', vhost, {})
  const all = { configure: '.*', write: '.*', read: '.*' }
  await ask(broker.managementUrl, 'PUT', `permissions/${encodeURIComponent(name)}/${encodeURIComponent(user)}`, all)
  url.pathname = `/${encodeURIComponent(name)}`
  return url.href
}

const answerTimeoutMs = 15_000

async function ask(managementUrl: string, method: 'PUT' | 'DELETE', path: string, body?: unknown): Promise<void> {
  const address = new URL(managementUrl)
  const login = `${decodeURIComponent(address.username || 'guest')}:${decodeURIComponent(address.password || 'guest')}`
  address.username = ''
  address.password = ''
  const base = address.href.replace(/\/$/, '')
  const response = await fetch(`${base}/api/${path}`, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(login).toString('base64')}`,
      'content-type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(answerTimeoutMs),
  })
  const gone = method === 'DELETE' && response.status === 404
  if (!response.ok && !gone) {
    throw new Error(
      `the broker's management answered ${response.status} to ${method} /api/${path}: ${await response.text()}`,
    )
  }
}
