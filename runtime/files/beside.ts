import type { BigIntStats } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Content, openContent } from './content.ts'

interface FileBeside {
  readonly name: string
  readonly stats: BigIntStats
}

/** The regular files in the directory of a path. */
export async function filesBeside(path: string): Promise<FileBeside[]> {
  const directory = dirname(path)
  const files: FileBeside[] = []
  for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
    if (!entry.isFile()) continue
    const name = join(directory, entry.name)
    const stats = await stat(name, { bigint: true }).catch(() => null)
    if (stats) files.push({ name, stats })
  }
  return files
}

/** Other files may well begin with the same few bytes, such as a heading. */
const minBytes = 1024

/**
 * The copy of a file that was copied and truncated: it is called like the file with something after it, such as `.1` or
 * `-20260101`, and holds more than `offset` bytes, at least a KiB, which `recognise` knows. The newest, if there are several.
 * What `isDone` of is none: a file that was rotated and read, and whose successor begins alike.
 */
export async function findCopy(
  path: string,
  inode: string,
  offset: number,
  recognise: (content: Content) => Promise<Content | null>,
  isDone: (stats: BigIntStats) => boolean = () => false,
): Promise<Content | null> {
  if (offset < minBytes) return null
  const named = (name: string) => basename(name).startsWith(basename(path)) && basename(name) !== basename(path)
  const candidates = (await filesBeside(path))
    .filter(({ name, stats }) => named(name) && stats.size > offset && String(stats.ino) !== inode)
    .filter(({ stats }) => !isDone(stats))
    .sort((a, b) => Number(b.stats.ctimeNs - a.stats.ctimeNs) || (a.name < b.name ? 1 : -1))
  for (const { name } of candidates) {
    const content = await openContent(name)
    const copy = content && (await recognise(content))
    if (copy) return copy
    await content?.handle.close()
  }
  return null
}
