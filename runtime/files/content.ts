import { createHash } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { constants, type FileHandle, open, stat } from 'node:fs/promises'
import { describe, FnError } from '../core/errors.ts'
import { codeOf } from './directory.ts'

/** One file's bytes for as long as they only grow, and how far they were read. */
export interface Content {
  /** Part of every message id. */
  readonly id: string
  /** Device and inode, decimal. */
  readonly device: string
  readonly inode: string
  readonly handle: FileHandle
  /** The next byte to read. */
  offset: number
  /** The file was truncated under it: its bytes are gone, and the handle belongs to the content that came after. */
  overwritten: boolean
}

/** How much of either end of what was read goes into a fingerprint. */
const edgeBytes = 1024

/**
 * The same for an untouched file in every run, so that lines sent twice after the loss of a checkpoint carry the same ids.
 * 10 digits of base 36 are 51 bits. File systems without birth times report 0.
 */
export function contentId(stats: BigIntStats): string {
  const hash = createHash('sha256').update(`${stats.dev} ${stats.ino} ${stats.birthtimeNs}`).digest()
  return hash.readBigUInt64BE().toString(36).padStart(13, '0').slice(-10)
}

/** The id without its generation: the same for everything that stood in one file. */
export const fileOf = (id: string): string => id.split('.', 1)[0] as string

/** The id of what stands in the same file after a truncation. */
export function nextGeneration(id: string): string {
  const generation = Number(id.split('.')[1] ?? 0)
  return `${fileOf(id)}.${generation + 1}`
}

/**
 * Opens a file for reading; null if there is none.
 * @throws FnError FN_SOURCE_UNREADABLE
 */
export async function openContent(path: string): Promise<Content | null> {
  let handle: FileHandle
  try {
    // n.b. Without O_NONBLOCK the open of a FIFO waits for a writer.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw unreadable(path, error)
  }
  try {
    const stats = await handle.stat({ bigint: true })
    if (!stats.isFile()) throw new FnError('FN_SOURCE_UNREADABLE', `${path} is ${kindOf(stats)}. ${give}`)
    return {
      id: contentId(stats),
      device: String(stats.dev),
      inode: String(stats.ino),
      handle,
      offset: 0,
      overwritten: false,
    }
  } catch (error) {
    await handle.close()
    throw unreadable(path, error)
  }
}

/** What the path names; null if nothing. */
export async function statOrNull(path: string): Promise<BigIntStats | null> {
  try {
    return await stat(path, { bigint: true })
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null
    throw unreadable(path, error)
  }
}

/**
 * Hash of the first and the last KiB before `offset`: tells a file that only grew from another under the same inode.
 * Null if the file is shorter than that.
 */
export async function fingerprint(handle: FileHandle, offset: number): Promise<string | null> {
  const head = Buffer.allocUnsafe(Math.min(edgeBytes, offset))
  const tail = Buffer.allocUnsafe(Math.min(edgeBytes, offset - head.length))
  if (!(await fill(head, handle, 0)) || !(await fill(tail, handle, offset - tail.length))) return null
  return createHash('sha256').update(head).update(tail).digest('hex').slice(0, 16)
}

async function fill(buffer: Buffer, handle: FileHandle, position: number): Promise<boolean> {
  for (let at = 0; at < buffer.length; ) {
    const { bytesRead } = await handle.read(buffer, at, buffer.length - at, position + at)
    if (bytesRead === 0) return false
    at += bytesRead
  }
  return true
}

const give = 'Give the path of a regular file'

function kindOf(stats: BigIntStats): string {
  if (stats.isDirectory()) return 'a directory'
  if (stats.isFIFO()) return 'a FIFO, which cannot be read again from an offset'
  return 'a device, which cannot be read again from an offset'
}

/** What stops us from reading `path`, and what to do about it. */
export function unreadable(path: string, error: unknown): FnError {
  if (error instanceof FnError) return error
  const code = codeOf(error)
  const detail =
    code === 'EACCES' || code === 'EPERM'
      ? `${path} may not be read. Let this process's user read it and search the directories above it (${code})`
      : code === 'ENXIO'
        ? `${path} is a socket. ${give}`
        : code === 'ENOTDIR'
          ? `a directory above ${path} is a file. ${give}`
          : `${path}: ${describe(error)}`
  return new FnError('FN_SOURCE_UNREADABLE', detail, { cause: error })
}
