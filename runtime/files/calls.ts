import { close, fdatasync, fstat, fsync, mkdir, open, write } from 'node:fs'
import { promisify } from 'node:util'

/**
 * The system calls of an append, as promises over descriptors.
 * n.b. not node:fs/promises: it costs a consumer, which needs but these, 1.5 MB of memory.
 */
export const calls = {
  open: promisify(open),
  stat: promisify(fstat),
  write: promisify(write),
  fdatasync: promisify(fdatasync),
  fsync: promisify(fsync),
  close: promisify(close),
  mkdir: promisify(mkdir),
}
