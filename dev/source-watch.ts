import { type FSWatcher, watch } from 'node:fs'
import { join, sep } from 'node:path'

/** An editor writes a file in several steps, and often several files. */
const settleMs = 150

/** What an editor leaves behind, and what no bundle holds. */
const isSource = (path: string): boolean =>
  /\.[cm]?[jt]sx?$|\.json$/.test(path) && !/\.test\.[jt]s$|(^|[/\\])\./.test(path)

/** Tells which functions were edited, once the editor is done. */
export class SourceWatch {
  readonly #watcher: FSWatcher
  readonly #changed: (names: readonly string[]) => void
  readonly #names = new Set<string>()
  #timer: NodeJS.Timeout | null = null

  /** @param changed gets the names of functions, which may be new ones */
  constructor(root: string, changed: (names: readonly string[]) => void, failed: (error: Error) => void) {
    this.#changed = changed
    this.#watcher = watch(join(root, 'functions'), { recursive: true, persistent: false }, (_event, path) => {
      if (path !== null && isSource(path)) this.#note(path.split(sep, 1)[0] ?? '')
    })
    this.#watcher.on('error', failed)
  }

  close(): void {
    this.#watcher.close()
    if (this.#timer) clearTimeout(this.#timer)
  }

  #note(name: string): void {
    this.#names.add(name)
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      const names = [...this.#names]
      this.#names.clear()
      this.#changed(names)
    }, settleMs)
  }
}
