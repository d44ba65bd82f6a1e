import { dirname, resolve } from 'node:path'
import { calls } from './calls.ts'

/** The code of a failed system call, such as `ENOENT`. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/**
 * Puts on disk which names a directory holds: a file's own sync does not promise that its name survives a power cut. Does
 * nothing where it cannot: in a directory that may be written but not read, and on file systems without such a sync.
 */
export async function syncDirectory(path: string): Promise<void> {
  try {
    const directory = await calls.open(path, 'r')
    await calls.fsync(directory).finally(() => calls.close(directory))
  } catch (error) {
    if (!['EACCES', 'EINVAL', 'ENOTSUP'].includes(codeOf(error) ?? '')) throw error
  }
}

/** Makes the directory and those above it that are missing, and puts their names on disk. */
export async function makeDirectory(path: string): Promise<void> {
  const first = await calls.mkdir(path, { recursive: true })
  if (first === undefined) return
  const top = dirname(resolve(first))
  for (let made = resolve(path); made !== top; made = dirname(made)) await syncDirectory(dirname(made))
}
