import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from '../../runtime/core/config.ts'
import { runCommand } from './command.ts'
import { poll } from './management.ts'

const pidPath = (folder: string): string => join(folder, 'pid')
const pollMs = 50
/** RabbitMQ 3.10 takes 6 s to obey a SIGTERM. */
const termTimeoutMs = 12_000
const killTimeoutMs = 5000

export const rememberPid = (folder: string, pid: number): void => writeFileSync(pidPath(folder), `${pid}\n`)

/**
 * Ends the broker that a killed run left on these data. It is told by its process id *and* by the folder on its command line:
 * the id alone may be somebody else's by now.
 * @throws Error if it cannot be ended
 */
export async function endLeftOver(folder: string, env: Environment, say: (line: string) => void): Promise<void> {
  const pid = readPid(folder)
  if (pid === null || !(await worksIn(folder, pid, env))) return
  say(`a broker of an earlier run is still there (process ${pid}): ending it`)
  for (const [signal, timeoutMs] of [
    ['SIGTERM', termTimeoutMs],
    ['SIGKILL', killTimeoutMs],
  ] as const) {
    if (await endsBy(signal, timeoutMs, pid, env)) return
  }
  throw new Error(`the broker of an earlier run (process ${pid}) cannot be ended; end it and start again`)
}

async function endsBy(signal: NodeJS.Signals, timeoutMs: number, pid: number, env: Environment): Promise<boolean> {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return true
    throw new Error(`process ${pid}, a broker of an earlier run, belongs to another user; end it and start again`)
  }
  try {
    return await poll(pollMs, AbortSignal.timeout(timeoutMs), () => isGone(pid, env))
  } catch {
    return false
  }
}

function readPid(folder: string): number | null {
  try {
    const pid = Number(readFileSync(pidPath(folder), 'utf8'))
    return Number.isInteger(pid) && pid > 1 ? pid : null
  } catch {
    return null
  }
}

/** True if the process runs, and `folder` is an argument of its. */
async function worksIn(folder: string, pid: number, env: Environment): Promise<boolean> {
  if (process.platform !== 'linux') return ` ${await askPs('command', pid, env)} `.includes(` ${folder} `)
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(folder)
  } catch {
    return false
  }
}

/** n.b. A process loses its arguments before its ports: it is gone only when it is not there, or there as a zombie. */
async function isGone(pid: number, env: Environment): Promise<boolean> {
  if (process.platform !== 'linux') return /^(?:Z.*)?$/.test(await askPs('stat', pid, env))
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return /^\) [ZX]/.test(stat.slice(stat.lastIndexOf(')')))
  } catch {
    return true
  }
}

const askPs = async (field: 'command' | 'stat', pid: number, env: Environment): Promise<string> =>
  (await runCommand('ps', ['-ww', '-o', `${field}=`, '-p', String(pid)], { env })).stdout
