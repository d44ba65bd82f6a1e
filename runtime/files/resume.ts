import { readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Checkpoint } from '../core/checkpoint.ts'
import type { Log } from '../ports.ts'
import { type Content, fileOf, fingerprint, nextGeneration, openContent, unreadable } from './content.ts'

/**
 * What there is to read, in order: where the checkpoint stands, then what the path names now. Empty if there is nothing yet.
 * @throws FnError FN_SOURCE_UNREADABLE
 */
export async function resume(path: string, checkpoint: Checkpoint | null, log: Log): Promise<Content[]> {
  const current = await openContent(path)
  try {
    if (!checkpoint) return current ? [current] : []
    if (current?.inode === checkpoint.inode) return [await resumeSame(path, current, checkpoint, log)]
    const rotated = await findRotated(path, checkpoint)
    const { offset } = checkpoint
    if (rotated) log.info('the file was rotated while nobody read it; its rest comes first', { path, offset })
    else {
      log.warn('the file of the checkpoint is not in the directory: what it held after the offset is not sent', {
        path,
        offset,
        inode: checkpoint.inode,
      })
    }
    return [rotated, current].filter((content) => content !== null)
  } catch (error) {
    await current?.handle.close()
    throw unreadable(path, error)
  }
}

async function resumeSame(path: string, current: Content, checkpoint: Checkpoint, log: Log): Promise<Content> {
  if (await continues(current, checkpoint)) return { ...current, id: checkpoint.file, offset: checkpoint.offset }
  const { size } = await current.handle.stat()
  log.warn('the file holds something else than at the checkpoint: reading it from its begin', {
    path,
    size,
    offset: checkpoint.offset,
  })
  // The inode of a deleted file is given to the next one: that has an id of its own.
  const reused = current.id !== fileOf(checkpoint.file)
  return { ...current, id: reused ? current.id : nextGeneration(checkpoint.file) }
}

/** Whether the file holds what it held at the checkpoint, and maybe more. */
async function continues(content: Content, checkpoint: Checkpoint): Promise<boolean> {
  if ((await fingerprint(content.handle, checkpoint.offset)) !== checkpoint.fingerprint) return false
  if (content.device === checkpoint.device) return content.id === fileOf(checkpoint.file)
  // A volume has another device number when it is attached elsewhere; there the fingerprint alone decides.
  return checkpoint.offset > 0
}

/** The file that the checkpoint is about, under whatever name it has in the directory. */
async function findRotated(path: string, checkpoint: Checkpoint): Promise<Content | null> {
  const directory = dirname(path)
  for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
    if (!entry.isFile()) continue
    const candidate = join(directory, entry.name)
    const stats = await stat(candidate, { bigint: true }).catch(() => null)
    if (String(stats?.ino) !== checkpoint.inode) continue
    const content = await openContent(candidate)
    if (!content) continue
    if (await continues(content, checkpoint)) return { ...content, id: checkpoint.file, offset: checkpoint.offset }
    await content.handle.close()
  }
  return null
}
