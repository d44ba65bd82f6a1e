import { readlinkSync } from 'node:fs'
import { basename, dirname, resolve, sep } from 'node:path'

/** No chain of links is longer: Linux itself gives up after 40. */
const maxLinks = 40

/**
 * The names that decide what a path stands for, each with the directories that hold it: its own, that of each symbolic link
 * on the way, and the file's at the end. A ConfigMap volume has two: `input.txt -> ..data/input.txt` and `..data -> ..2026_…`.
 */
export function decidingNames(path: string): Map<string, Set<string>> {
  const names = new Map<string, Set<string>>()
  const add = (name: string) => {
    const directory = dirname(name)
    names.set(directory, (names.get(directory) ?? new Set()).add(basename(name)))
  }
  add(resolve(path))
  let links = 0
  let at: string = sep
  const rest = partsOf(resolve(path))
  for (let part = rest.shift(); part !== undefined; part = rest.shift()) {
    const name = resolve(at, part)
    const target = links < maxLinks ? linkTarget(name) : null
    if (target === null) at = name
    else {
      links++
      add(name)
      rest.unshift(...partsOf(resolve(at, target)))
      at = sep
    }
  }
  add(at)
  return names
}

const partsOf = (path: string): string[] => path.split(sep).filter((part) => part !== '')

function linkTarget(name: string): string | null {
  try {
    return readlinkSync(name)
  } catch {
    return null
  }
}
