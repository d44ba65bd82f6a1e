import { type FSWatcher, statSync, type WatchListener, watch } from 'node:fs'
import type { Clock } from '../ports.ts'
import { decidingNames } from './links.ts'
import { Waker } from './waker.ts'

interface WatchedDirectory {
  readonly watcher: FSWatcher
  readonly inode: bigint
  /** Changes of other names are of no interest. */
  names: ReadonlySet<string>
}

/**
 * Wakes whoever waits for a file to change. It watches the directories where the name gets another file: its own and those
 * of the symbolic links on the way; and the file itself. All are hints: events can be missing (network file systems,
 * exhausted watches), so each wait also ends by itself.
 */
export class FileWatcher extends Waker {
  readonly #path: string
  readonly #renamed: () => void
  readonly #enabled: boolean
  readonly #directories = new Map<string, WatchedDirectory>()
  #file: FSWatcher | null = null
  #closed = false

  /** `renamed` is called when the name may stand for another file. Not `enabled`, it lets each wait end by itself. */
  constructor(path: string, clock: Clock, renamed: () => void, enabled = true) {
    super(clock)
    this.#path = path
    this.#renamed = renamed
    this.#enabled = enabled
  }

  /** Watches what the path names now. Call it again when that is another file. */
  follow(): void {
    if (this.#closed || !this.#enabled) return
    const deciding = decidingNames(this.#path)
    for (const [directory, { watcher, inode }] of this.#directories) {
      if (deciding.has(directory) && inodeOf(directory) === inode) continue
      watcher.close()
      this.#directories.delete(directory)
    }
    for (const [directory, names] of deciding) this.#followDirectory(directory, names)
    this.#file?.close()
    this.#file = watchOrNull(this.#path, () => this.wake())
  }

  override close(): void {
    this.#closed = true
    for (const { watcher } of this.#directories.values()) watcher.close()
    this.#directories.clear()
    this.#file?.close()
    super.close()
  }

  #followDirectory(directory: string, names: ReadonlySet<string>): void {
    const watched = this.#directories.get(directory)
    if (watched) {
      watched.names = names
      return
    }
    const inode = inodeOf(directory)
    const watcher = watchOrNull(directory, (event, name) => {
      if (name !== null && !this.#directories.get(directory)?.names.has(name)) return
      if (event === 'rename') this.#renamed()
      this.wake()
    })
    if (watcher && inode !== null) this.#directories.set(directory, { watcher, inode, names })
    else watcher?.close()
  }
}

/** Watches if that can be done; what goes wrong later ends it. */
export function watchOrNull(path: string, changed: WatchListener<string>): FSWatcher | null {
  try {
    const watcher = watch(path, changed)
    watcher.on('error', () => watcher.close())
    return watcher
  } catch {
    return null
  }
}

function inodeOf(path: string): bigint | null {
  try {
    return statSync(path, { bigint: true }).ino
  } catch {
    return null
  }
}
