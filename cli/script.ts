import { join } from 'node:path'
import type { Call } from './command.ts'

const root = join(import.meta.dirname, '..')

/**
 * Becomes the script that an npm script runs, with the same arguments: signals, terminal and exit code are the script's own.
 * @param script relative to the root
 */
export function become(script: string, { typed }: Pick<Call, 'typed'>): never {
  // n.b. execve returns only if it fails, and then it throws.
  process.execve?.(process.execPath, [process.execPath, join(root, script), ...typed])
  throw new Error('this system cannot replace a process; use the npm script of the same name')
}
