import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs'
import { calls } from './calls.ts'

/** A writer in the middle of a write is held up by the kernel for at most 200 ms at a time (Linux, `balance_dirty_pages`). */
const stableMs = 250

/**
 * Whether the file ends inside a line that nobody goes on with: its last byte is no LF and its size stands still. If it cannot
 * be read, it is as `assumed`.
 */
export async function isTorn(path: string, file: number, assumed: boolean): Promise<boolean> {
  for (;;) {
    const { size } = await calls.stat(file)
    const last = size === 0 ? newline : lastByte(path, file, size)
    if (last === null) return assumed
    if (last === newline) return false
    await new Promise((resolve) => setTimeout(resolve, stableMs))
    if ((await calls.stat(file)).size === size) return true
  }
}

/**
 * Cuts `partial`, what came out of a write that failed, off the file's end. False, and nothing is changed, if the end is
 * something else: another process has appended.
 *
 * n.b. Synchronous, so that no other process's line can come between the look and the cut but in a few microseconds; and
 * whoever writes in them meets the same full disk.
 */
export function takeBack(path: string, file: number, partial: Uint8Array): boolean {
  try {
    return withReader(path, file, (reader) => {
      const { size } = fstatSync(reader)
      const end = Buffer.alloc(partial.length)
      const read = readSync(reader, end, 0, end.length, size - end.length)
      if (read !== end.length || !end.equals(partial) || fstatSync(reader).size !== size) return false
      ftruncateSync(file, size - end.length)
      return true
    })
  } catch {
    return false
  }
}

const newline = 10

function lastByte(path: string, file: number, size: number): number | null {
  const byte = Buffer.alloc(1, newline)
  try {
    withReader(path, file, (reader) => readSync(reader, byte, 0, 1, size - 1))
  } catch {
    return null
  }
  return byte[0] as number
}

/**
 * Reads the file that `file` writes to, through a descriptor of its own, because to write must not take the permission to
 * read; false friends under the same path are refused.
 */
function withReader<T>(path: string, file: number, use: (reader: number) => T): T {
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const [ours, theirs] = [fstatSync(file, { bigint: true }), fstatSync(reader, { bigint: true })]
    if (ours.dev !== theirs.dev || ours.ino !== theirs.ino) throw new Error(`${path} is another file now`)
    return use(reader)
  } finally {
    closeSync(reader)
  }
}
