import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { decodeCheckpoint, encodeCheckpoint } from '../core/checkpoint.ts'
import { describe, FnError } from '../core/errors.ts'
import type { CheckpointStore } from '../ports.ts'
import { codeOf, makeDirectory, syncDirectory } from './directory.ts'

/**
 * Keeps a checkpoint in a file that is replaced as a whole: after a crash at any moment it holds the old or the new one.
 * Saves that come while one runs are made one after the other, in order. One process at a time may save to a path.
 */
export function fileCheckpointStore(path: string): CheckpointStore {
  let saves: Promise<void> = Promise.resolve()
  return {
    async load() {
      let stored: string
      try {
        stored = await readFile(path, 'utf8')
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return null
        throw unusable(path, 'read', error)
      }
      return decodeCheckpoint(stored, path)
    },
    save(checkpoint) {
      const saved = saves.then(() => replace(path, encodeCheckpoint(checkpoint)))
      saves = saved.catch(() => {})
      return saved
    },
  }
}

async function replace(path: string, value: string): Promise<void> {
  const directory = dirname(path)
  const fresh = `${path}.tmp`
  try {
    await makeDirectory(directory)
    {
      await using file = await open(fresh, 'w')
      await file.writeFile(value)
      await file.sync()
    }
    await put(fresh, path)
    await syncDirectory(directory)
  } catch (error) {
    throw error instanceof FnError ? error : unusable(path, 'written', error)
  }
}

/** n.b. What was just written and is gone was renamed by another process that saves to the same path: this one was paused. */
async function put(fresh: string, path: string): Promise<void> {
  try {
    await rename(fresh, path)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    throw new FnError('FN_TAKEN_OVER', `${fresh} was taken by another process`, { cause: error })
  }
}

function unusable(path: string, failed: 'read' | 'written', error: unknown): FnError {
  const code = codeOf(error)
  const advice =
    code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
      ? `Let this process's user write to ${dirname(path)}, or set KEDAFN_CHECKPOINT_PATH to a place where it may`
      : code === 'ENOSPC' || code === 'EDQUOT'
        ? 'Free some space there, or set KEDAFN_CHECKPOINT_PATH to another disk'
        : 'Set KEDAFN_CHECKPOINT_PATH to a file on a local disk'
  return new FnError('FN_CHECKPOINT_UNUSABLE', `${path} cannot be ${failed}: ${describe(error)}. ${advice}`, {
    cause: error,
  })
}
