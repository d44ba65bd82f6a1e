import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { UsageError } from './arguments.ts'
import type { Fleet } from './fleet.ts'
import type { Plan } from './plan.ts'

const lookEveryMs = 250
const megabyte = 1024 * 1024
const factors: Readonly<Record<string, number>> = {
  ...{ '': 1, k: 1e3, M: 1e6, G: 1e9, Ki: 1024, Mi: megabyte, Gi: 1024 * megabyte },
}

export interface MemoryLimits {
  /** In bytes, by function. */
  readonly limits: ReadonlyMap<string, number>
  /** One line for each function that has none. */
  readonly notes: readonly string[]
}

/** What the rendered Deployments allow their containers. @throws UsageError where processes cannot be looked at */
export function memoryLimitsOf(plans: readonly Plan[], root: string): MemoryLimits {
  if (!existsSync('/proc/self/status')) throw new UsageError('--limit-memory reads /proc, which only Linux has')
  const limits = new Map<string, number>()
  const notes: string[] = []
  for (const { name } of plans) {
    const path = `manifests/base/${name}.yaml`
    const limit = existsSync(join(root, path)) ? limitIn(readFileSync(join(root, path), 'utf8')) : null
    if (limit === null) notes.push(`the memory of ${name} is not limited: no Deployment in ${path} says limits.memory`)
    else limits.set(name, limit)
  }
  return { limits, notes }
}

interface Deployment {
  readonly kind?: string
  readonly spec?: {
    readonly template?: {
      readonly spec?: {
        readonly containers?: readonly { readonly resources?: { readonly limits?: { memory?: unknown } } }[]
      }
    }
  }
}

function limitIn(text: string): number | null {
  const objects = parseAllDocuments(text).map((document) => document.toJS() as Deployment | null)
  const deployment = objects.find((object) => object?.kind === 'Deployment')
  const memory = deployment?.spec?.template?.spec?.containers?.[0]?.resources?.limits?.memory
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)(k|M|G|Ki|Mi|Gi)?$/.exec(String(memory)) ?? []
  return amount === undefined ? null : Number(amount) * (factors[unit] ?? 1)
}

/**
 * Ends every process, as the kernel does a container, that holds more memory than its Deployment allows: what it holds itself, since the
 * kernel would drop a file's pages before it kills. It looks a few times a second, so a burst in between is not seen.
 * @returns what ends it
 */
export function limitMemory(fleet: Fleet, { limits }: MemoryLimits, warn: (text: string) => void): () => void {
  const timer = setInterval(() => {
    for (const { plan, pod } of fleet.processes) {
      const limit = limits.get(plan.name)
      const held = limit === undefined || pod.pid === null ? null : heldBy(pod.pid)
      if (limit === undefined || held === null || held <= limit) continue
      const [has, may] = [held, limit].map((bytes) => `${Math.round(bytes / megabyte)} MiB`)
      warn(`${pod.name} is OOMKilled: it holds ${has}, limits.memory of its Deployment is ${may}`)
      fleet.crash(pod.name)
    }
  }, lookEveryMs)
  return () => clearInterval(timer)
}

/** Memory that is no file's, in bytes; null: the process is gone. */
function heldBy(pid: number): number | null {
  try {
    const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kilobytes === undefined ? null : Number(kilobytes) * 1024
  } catch {
    return null
  }
}
