import { createHash } from 'node:crypto'
import type { BigIntStats } from 'node:fs'
import { constants, type FileHandle, open, stat } from 'node:fs/promises'
import { describe, FnError } from '../core/errors.ts'
import { codeOf } from './directory.ts'
import { Prefix } from './prefix.ts'

/** One file's bytes for as long as they only grow, and how far they were read. */
export interface Content {
  /** Part of every message id. */
  readonly id: string
  /** Device and inode, decimal. */
  readonly device: string
  readonly inode: string
  readonly handle: FileHandle
  /** What was read. */
  readonly prefix: Prefix
  /** The file was truncated or rewritten under it: the handle belongs to the content that came after. */
  overwritten: boolean
}

/**
 * The same for an untouched file in every run, so that lines sent twice after the loss of a checkpoint carry the same ids.
 * 10 digits of base 36 are 51 bits. File systems without birth times report 0.
 */
function contentId(stats: BigIntStats): string {
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
      prefix: Prefix.empty(),
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
