import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { holderOf } from './lock.ts'

/** Where the functions of an `npm start` have their queues. */
export interface RunningBroker {
  /** With the pipeline's vhost. */
  readonly url: string
  readonly managementUrl: string | null
}

const fileName = 'broker.json'

/** Leaves word of the broker for `kedafn`, in the pipeline's folder. @returns takes it away again */
export function announceBroker(folder: string, broker: RunningBroker): () => void {
  const path = join(folder, fileName)
  rmSync(path, { force: true })
  // Only its owner may read it: the address may hold a password.
  writeFileSync(path, `${JSON.stringify(broker)}\n`, { mode: 0o600 })
  return () => rmSync(path, { force: true })
}

/**
 * The broker of the `npm start` that runs in this checkout: that of input.txt and output.txt if there are several.
 * @returns null if none runs
 */
export function runningBroker(root: string): RunningBroker | null {
  const state = join(root, '.kedafn', 'state')
  if (!existsSync(state)) return null
  const byDefaultFirst = readdirSync(state).sort(
    (one, other) => Number(other === 'default') - Number(one === 'default'),
  )
  for (const id of byDefaultFirst) {
    const path = join(state, id, fileName)
    if (!existsSync(path) || holderOf(join(state, id, 'lock')) === null) continue
    return JSON.parse(readFileSync(path, 'utf8')) as RunningBroker
  }
  return null
}
