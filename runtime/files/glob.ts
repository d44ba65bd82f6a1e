import { createHash } from 'node:crypto'
import type { FSWatcher } from 'node:fs'
import { glob } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { FnError } from '../core/errors.ts'
import { isPattern } from '../core/pattern.ts'
import type { CheckpointStore, Clock, Log, Source } from '../ports.ts'
import { fileCheckpointStore } from './checkpoint.ts'
import { statOrNull } from './content.ts'
import { openTail } from './tail.ts'
import { Waker } from './waker.ts'
import { watchOrNull } from './watch.ts'

export interface FinderOptions {
  /** As `node:fs` knows them: `*`, `?`, `[…]`, `{…,…}`, `**`. */
  readonly pattern: string
  /** The files that match now are all, and each is complete as it is. */
  readonly once: boolean
  /** Each file's checkpoint stands in `<checkpointPath>.d`. */
  readonly checkpointPath: string
  /** Puts something between a file's checkpoint and who uses it. */
  readonly guard?: (store: CheckpointStore) => CheckpointStore
  readonly clock: Clock
  readonly log: Log
  /** The most files that are followed at once. @default 256 */
  readonly maxFiles?: number
  /** How often it is looked for files without a hint that there are new ones, in ms. @default 1000 */
  readonly pollMs?: number
}

/** How much of each of many files is read at once: the buffers are kept. */
const maxReadBytes = 64 * 1024

/** Where the checkpoint of one of many files stands: the name to recognise it by, and a hash of the path. */
export function checkpointPathOf(checkpointPath: string, path: string): string {
  const hash = createHash('sha256').update(resolve(path)).digest('hex').slice(0, 16)
  return join(`${checkpointPath}.d`, `${basename(path).slice(0, 100)}-${hash}.checkpoint`)
}

/** Finds the files that match a pattern, those that appear later too. */
export class GlobFinder {
  readonly #with: FinderOptions
  readonly #waker: Waker
  readonly #watcher: FSWatcher | null
  /** Found, and not given out. */
  #found: string[] = []
  readonly #followed = new Set<string>()
  #searched = false
  #crowded = false

  constructor(options: FinderOptions) {
    this.#with = options
    this.#waker = new Waker(options.clock)
    this.#watcher = options.once ? null : watchOrNull(baseOf(options.pattern), () => this.#waker.wake())
  }

  /**
   * The next file to follow; waits for it. `null`: there are no more, or `signal` fired.
   * @throws FnError FN_SOURCE_UNREADABLE if no file matches and none may come later
   */
  async next(signal: AbortSignal): Promise<string | null> {
    const { once, maxFiles = 256, pollMs = 1000, log, pattern } = this.#with
    while (!signal.aborted) {
      this.#waker.reset()
      if (!once || !this.#searched) await this.#search()
      if (this.#followed.size < maxFiles) {
        const path = this.#found.shift()
        if (path !== undefined) {
          this.#followed.add(path)
          return path
        }
        if (once) return null
      } else if (this.#found.length > 0 && !this.#crowded) {
        this.#crowded = true
        log.warn('more files match than are followed at once: the others wait', { pattern, maxFiles })
      }
      await this.#waker.wait(pollMs, signal)
    }
    return null
  }

  /** Opens a file that was found where its checkpoint stands; null if it is gone. */
  async open(path: string): Promise<{ source: Source; store: CheckpointStore } | null> {
    const { once, clock, log, checkpointPath, guard = (store) => store } = this.#with
    if (!(await statOrNull(path))) return null
    const store = guard(fileCheckpointStore(checkpointPathOf(checkpointPath, path)))
    const checkpoint = await store.load()
    const source = await openTail({ path, once, checkpoint, clock, log, maxReadBytes, endWhenGone: true })
    return { source, store }
  }

  /** Nobody follows the file any more. It is found again if it comes again. */
  ended(path: string): void {
    this.#followed.delete(path)
    this.#waker.wake()
  }

  close(): void {
    this.#watcher?.close()
    this.#waker.close()
  }

  async #search(): Promise<void> {
    const { pattern, once, log } = this.#with
    const found: string[] = []
    for await (const path of glob(pattern)) {
      if (!this.#followed.has(path) && (await statOrNull(path))?.isFile()) found.push(path)
    }
    this.#found = found.sort()
    if (!this.#searched && found.length === 0) {
      if (once) throw new FnError('FN_SOURCE_UNREADABLE', `no file matches ${pattern}`)
      log.info('no file matches yet: waiting for one', { pattern })
    }
    this.#searched = true
  }
}

/** The directory that everything a pattern matches is in or below. */
function baseOf(pattern: string): string {
  let base = pattern
  while (isPattern(base)) base = dirname(base)
  return base
}
