import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { askManagement } from './broker/management.ts'

export interface VhostOptions {
  readonly broker: { readonly url: string; readonly managementUrl: string }
  /** The pipeline's. */
  readonly id: string
  /** Where the pipeline's state is kept. */
  readonly folder: string
}

/**
 * Gives each pipeline a vhost of its own on a private broker: what one leaves in its queues never gets into another's output.
 * @param fresh begin with empty queues: in a vhost with a name that was never used
 * @returns the AMQP address of the vhost
 */
export async function ownVhost({ broker, id, folder }: VhostOptions, fresh: boolean): Promise<string> {
  const known = readGeneration(folder)
  const generation = fresh ? known + 1 : Math.max(1, known)
  const url = new URL(broker.url)
  const user = decodeURIComponent(url.username || 'guest')
  const name = encodeURIComponent(`kedafn-${id}-${generation}`)
  await ask(broker.managementUrl, 'PUT', `vhosts/${name}`, {})
  const all = { configure: '.*', write: '.*', read: '.*' }
  await ask(broker.managementUrl, 'PUT', `permissions/${name}/${encodeURIComponent(user)}`, all)
  writeFileSync(generationPath(folder), `${generation}\n`)
  url.pathname = `/${name}`
  return url.href
}

/**
 * Deletes the vhosts that a pipeline has left behind.
 *
 * n.b. just before the broker is stopped, and at no other time: RabbitMQ 3.10 may lose the supervisor of its dead-lettering when a
 * queue is deleted whose leader is being elected, as in the first seconds after a start, and then nacks every publish to
 * any queue with at-least-once dead-lettering until it is started again.
 */
export async function deleteOldVhosts({ broker, id, folder }: VhostOptions): Promise<void> {
  const generation = readGeneration(folder)
  const vhosts = (await ask(broker.managementUrl, 'GET', 'vhosts?columns=name')) as readonly { name: string }[]
  for (const { name } of vhosts) {
    const number = Number(new RegExp(`^kedafn-${id}-([1-9][0-9]*)$`).exec(name)?.[1])
    if (number < generation) await ask(broker.managementUrl, 'DELETE', `vhosts/${encodeURIComponent(name)}`)
  }
}

const generationPath = (folder: string): string => join(folder, 'vhost')

/** How many vhosts the pipeline has had. */
function readGeneration(folder: string): number {
  try {
    const generation = Number(readFileSync(generationPath(folder), 'utf8'))
    return Number.isSafeInteger(generation) && generation > 0 ? generation : 0
  } catch {
    return 0
  }
}

async function ask(managementUrl: string, method: 'GET' | 'PUT' | 'DELETE', path: string, body?: unknown) {
  const response = await askManagement(managementUrl, { method, path, body })
  const text = await response.text()
  if (!response.ok)
    throw new Error(`the broker's management answered ${response.status} to ${method} /api/${path}: ${text}`)
  return text === '' ? null : (JSON.parse(text) as unknown)
}
