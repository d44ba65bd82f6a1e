import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from './arguments.ts'

/**
 * Keeps a second fleet away from one pipeline's files and checkpoints.
 * @returns gives the lock back
 * @throws UsageError if another process holds it
 */
export const takeLock = (folder: string): (() => void) =>
  takeLockAt(
    join(folder, 'lock'),
    (holder) =>
      new UsageError(
        `npm start runs already for this input and output, as process ${holder}; stop it, or choose other files`,
      ),
  )

/**
 * A lock whose process is gone counts for nothing.
 * @returns gives the lock back
 * @throws what `refusal` makes of the process that holds it
 */
export function takeLockAt(path: string, refusal: (holder: number) => Error): () => void {
  const own = JSON.stringify({ pid: process.pid, begun: beginOf(process.pid) })
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(path, own, { flag: 'wx' })
      return () => rmSync(path, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || attempt > 0) throw error
      const holder = holderOf(path)
      if (holder !== null) throw refusal(holder)
      rmSync(path, { force: true })
    }
  }
}

/** The process that holds the lock at this path, if it still runs. */
export function holderOf(path: string): number | null {
  try {
    const { pid, begun } = JSON.parse(readFileSync(path, 'utf8')) as { pid: number; begun: string }
    // n.b. process ids are used again, after a reboot the very same ones: only the same begin makes it the same process.
    return begun !== '' && beginOf(pid) === begun ? pid : null
  } catch {
    return null
  }
}

/** When a process began, in whatever form the system tells; empty if there is no such process. */
function beginOf(pid: number): string {
  if (process.platform === 'linux') {
    try {
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      // The 22nd field; the second, the command in brackets, may hold spaces.
      return `${boot} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
    } catch {
      return ''
    }
  }
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return ''
  }
}
