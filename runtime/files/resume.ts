import type { Checkpoint } from '../core/checkpoint.ts'
import type { Log } from '../ports.ts'
import { filesBeside, findCopy } from './beside.ts'
import { type Content, fileOf, nextGeneration, openContent, unreadable } from './content.ts'
import { Prefix } from './prefix.ts'

/** Up to so many bytes, all that was read is compared; beyond, for the file of the checkpoint, its first and last KiB. */
const wholeBytes = 16 * 1024 * 1024

/**
 * What there is to read, in order: where the checkpoint stands, then what the path names now. Empty if there is nothing yet.
 * @throws FnError FN_SOURCE_UNREADABLE
 */
export async function resume(path: string, checkpoint: Checkpoint | null, log: Log): Promise<Content[]> {
  const current = await openContent(path)
  try {
    if (!checkpoint) return current ? [current] : []
    return await resumeAt(path, current, checkpoint, log)
  } catch (error) {
    await current?.handle.close()
    throw unreadable(path, error)
  }
}

async function resumeAt(path: string, current: Content | null, checkpoint: Checkpoint, log: Log): Promise<Content[]> {
  const { offset, inode } = checkpoint
  const sameFile = current?.inode === inode
  // n.b. In this order: a rotated file may have a successor that begins alike.
  const rotated = sameFile ? null : await findRotated(path, checkpoint)
  const same = current && !rotated && (sameFile || offset > 0) ? await continued(current, checkpoint) : null
  if (same) {
    if (!sameFile)
      log.info('another file begins with all that was sent: only what is new in it is sent', { path, offset })
    return [same]
  }
  const rest = rotated ?? (await findCopy(path, inode, offset, (copy) => continued(copy, { ...checkpoint, inode: '' })))
  if (rest) log.info('the file was rotated while nobody read it; its rest comes first', { path, offset })
  else if (sameFile) {
    const { size } = await current.handle.stat()
    log.warn('the file holds something else than at the checkpoint: reading it from its begin', { path, size, offset })
  } else if (current) {
    log.warn('the file of the checkpoint is gone, what it held after the offset is not sent; all of the new one is', {
      path,
      offset,
      inode,
    })
  }
  const all = rest ? [rest] : []
  return current ? [...all, apart(current, checkpoint)] : all
}

/** A content that is not the one of the checkpoint has another id, though it may stand in the same file. */
const apart = (current: Content, { file }: Checkpoint): Content =>
  current.id === fileOf(file) ? { ...current, id: nextGeneration(file) } : current

/** The content where the checkpoint stands, if the file holds what it held then, and maybe more. */
async function continued(content: Content, checkpoint: Checkpoint): Promise<Content | null> {
  const { file, offset, fingerprint } = checkpoint
  if (offset === 0 && content.id !== fileOf(file)) return null
  const whole = content.inode !== checkpoint.inode || offset <= wholeBytes
  const prefix = await Prefix.find(content.handle, offset, fingerprint, whole)
  return prefix ? { ...content, id: file, prefix } : null
}

/** The file that the checkpoint is about, under whatever name it has in the directory. */
async function findRotated(path: string, checkpoint: Checkpoint): Promise<Content | null> {
  for (const { name, stats } of await filesBeside(path)) {
    if (String(stats.ino) !== checkpoint.inode) continue
    const content = await openContent(name)
    const rotated = content && (await continued(content, checkpoint))
    if (rotated) return rotated
    await content?.handle.close()
  }
  return null
}
