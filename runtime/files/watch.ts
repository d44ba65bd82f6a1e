import { type FSWatcher, type WatchListener, watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { Clock } from '../ports.ts'

/**
 * Wakes whoever waits for a file to change. It watches the directory, where the name gets another file, and the file
 * itself, which may stand elsewhere behind a symbolic link. Both are hints: events can be missing (network file systems,
 * exhausted watches), so each wait also ends by itself.
 */
export class FileWatcher {
  readonly #path: string
  readonly #clock: Clock
  readonly #renamed: () => void
  #directory: FSWatcher | null = null
  #file: FSWatcher | null = null
  #changed = false
  #closed = false
  #wake: (() => void) | null = null

  /** `renamed` is called when the name may stand for another file. */
  constructor(path: string, clock: Clock, renamed: () => void) {
    this.#path = path
    this.#clock = clock
    this.#renamed = renamed
  }

  /** Watches what the path names now. Call it again when that is another file. */
  follow(): void {
    if (this.#closed) return
    this.#directory ??= this.#watch(dirname(this.#path), (event, name) => {
      if (name !== null && name !== basename(this.#path)) return
      if (event === 'rename') this.#renamed()
      this.wake()
    })
    this.#file?.close()
    this.#file = this.#watch(this.#path, () => this.wake())
  }

  /** Forgets the changes so far. Call it before looking at the file, so that none is missed between looking and waiting. */
  reset(): void {
    this.#changed = false
  }

  /** Ends a wait. */
  wake(): void {
    this.#changed = true
    this.#wake?.()
  }

  /** Resolves on a change since {@link reset}, after `ms`, or when `signal` fires. */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    if (this.#changed || this.#closed || signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const end = () => {
        cancel()
        signal.removeEventListener('abort', end)
        this.#wake = null
        resolve()
      }
      const cancel = this.#clock.after(ms, end)
      signal.addEventListener('abort', end)
      this.#wake = end
    })
  }

  close(): void {
    this.#closed = true
    this.#directory?.close()
    this.#file?.close()
    this.wake()
  }

  #watch(path: string, changed: WatchListener<string>): FSWatcher | null {
    try {
      const watcher = watch(path, changed)
      watcher.on('error', () => watcher.close())
      return watcher
    } catch {
      return null
    }
  }
}
