import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'

/** A writer in the middle of a write is held up by the kernel for at most 200 ms at a time (Linux, `balance_dirty_pages`). */
const stableMs = 250

/**
 * Whether the file ends inside a line that nobody goes on with: its last byte is no LF and its size stands still. A file that
 * cannot be read counts as whole.
 */
export async function isTorn(path: string, handle: FileHandle): Promise<boolean> {
  for (;;) {
    const { size } = await handle.stat()
    if (size === 0 || lastByte(path, handle, size) === newline) return false
    await setTimeout(stableMs)
    if ((await handle.stat()).size === size) return lastByte(path, handle, size) !== newline
  }
}

/**
 * Cuts `partial`, what came out of a write that failed, off the file's end. False, and nothing is changed, if the end is
 * something else: another process has appended.
 *
 * n.b. Synchronous, so that no other process's line can come between the look and the cut but in a few microseconds; and
 * whoever writes in them meets the same full disk.
 */
export function takeBack(path: string, handle: FileHandle, partial: Uint8Array): boolean {
  try {
    return withReader(path, handle, (reader) => {
      const { size } = fstatSync(reader)
      const end = Buffer.alloc(partial.length)
      const read = readSync(reader, end, 0, end.length, size - end.length)
      if (read !== end.length || !end.equals(partial) || fstatSync(reader).size !== size) return false
      ftruncateSync(handle.fd, size - end.length)
      return true
    })
  } catch {
    return false
  }
}

const newline = 10

function lastByte(path: string, handle: FileHandle, size: number): number {
  const byte = Buffer.alloc(1, newline)
  try {
    withReader(path, handle, (reader) => readSync(reader, byte, 0, 1, size - 1))
  } catch {
    return newline
  }
  return byte[0] as number
}

/**
 * Reads the file that `handle` writes to. A handle of its own, because to write must not take the permission to read; false
 * friends under the same path are refused.
 */
function withReader<T>(path: string, handle: FileHandle, use: (reader: number) => T): T {
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const [ours, theirs] = [fstatSync(handle.fd, { bigint: true }), fstatSync(reader, { bigint: true })]
    if (ours.dev !== theirs.dev || ours.ino !== theirs.ino) throw new Error(`${path} is another file now`)
    return use(reader)
  } finally {
    closeSync(reader)
  }
}
