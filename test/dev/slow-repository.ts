import type { TestContext } from 'node:test'
import { openVhost } from '../support/broker.ts'
import { type Slowness, slowCopy } from './slow-copy.ts'
import { Started } from './started.ts'

/** A copy of the repository whose consumer takes its time, and how to start it on a vhost of its own. */
export async function slowRepository(t: TestContext, slowness: Slowness = {}) {
  const repository = slowCopy(t, slowness)
  const vhost = await openVhost('dev-scaled')
  t.after(() => vhost.dispose())
  const env = { RABBITMQ_MANAGEMENT_URL: vhost.managementUrl }
  const start = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
    new Started(t, repository, { url: vhost.url, env: { ...env, ...more }, args })
  return { repository, start, vhost }
}
