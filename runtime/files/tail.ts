import type { Checkpoint } from '../core/checkpoint.ts'
import { FnError } from '../core/errors.ts'
import type { Clock, Log, Source, SourceChunk } from '../ports.ts'
import { findCopy } from './beside.ts'
import { type Content, openContent, statOrNull, unreadable } from './content.ts'
import { ContentReader } from './content-reader.ts'
import { Contents } from './contents.ts'
import { resume } from './resume.ts'
import { FileWatcher } from './watch.ts'

export interface TailOptions {
  readonly path: string
  /** The file is complete as it is: the source ends with it instead of waiting for more. */
  readonly once: boolean
  /** Where an earlier run stopped. */
  readonly checkpoint: Checkpoint | null
  readonly clock: Clock
  readonly log: Log
  /** The most bytes of one chunk. @default 262144 */
  readonly maxReadBytes?: number
  /** How long a file that was rotated away must not grow before it counts as finished, in ms. @default 1000 */
  readonly rotateGraceMs?: number
  /** How often the file is looked at without a hint that it changed, in ms. @default 1000 */
  readonly pollMs?: number
  /** Whether to ask the system to tell of changes. If not, they are seen at the next look. @default true */
  readonly watch?: boolean
  /** The source is complete once its file is read and nothing has had the name for the grace time. @default false */
  readonly endWhenGone?: boolean
}

const none = new Uint8Array(0)

/**
 * Follows a file that grows, is rotated by rename, replaced, truncated or rewritten, and comes and goes. One `read` at a time;
 * `checkpoint` may run beside it. `docs/reference/tail.md` says what is sent when, and what cannot be known.
 *
 * @throws FnError FN_SOURCE_UNREADABLE if the path names something else than a readable regular file, or with `once` nothing
 */
export async function openTail(options: TailOptions): Promise<Source> {
  const { path, once, checkpoint, log } = options
  const contents = await resume(path, checkpoint, log)
  if (once && !(await statOrNull(path))) {
    for (const { handle } of contents) await handle.close()
    throw new FnError('FN_SOURCE_UNREADABLE', `${path} does not exist`)
  }
  if (contents.length === 0) log.info('the file does not exist yet: waiting for it', { path })
  return new Tail(options, contents, contents.length === 0 ? checkpoint : null)
}

class Tail implements Source {
  readonly #path: string
  readonly #once: boolean
  readonly #endWhenGone: boolean
  readonly #clock: Clock
  readonly #log: Log
  readonly #reader: ContentReader
  readonly #graceMs: number
  readonly #pollMs: number
  readonly #watcher: FileWatcher
  readonly #contents: Contents
  readonly #running = new Set<Promise<unknown>>()
  #looks: Promise<void> = Promise.resolve()
  /** Where an earlier run stopped in a file that is not there yet. */
  #pending: Checkpoint | null
  #lookedAt: number
  /** Since when the first content has not grown, though the path names another file. */
  #quietSince: number | null = null
  #refusedSince: number | null = null
  /** Nothing has the name. */
  #gone = false
  #complete = false
  #closing: Promise<void> | null = null

  constructor(options: TailOptions, contents: Content[], pending: Checkpoint | null) {
    this.#path = options.path
    this.#once = options.once
    this.#endWhenGone = options.endWhenGone ?? false
    this.#clock = options.clock
    this.#log = options.log
    this.#reader = new ContentReader(options.maxReadBytes ?? 256 * 1024)
    this.#graceMs = options.rotateGraceMs ?? 1000
    this.#pollMs = options.pollMs ?? 1000
    this.#contents = new Contents(contents)
    this.#pending = pending
    this.#lookedAt = this.#clock.monotonic()
    this.#watcher = new FileWatcher(this.#path, this.#clock, () => this.#renamed(), options.watch)
    this.#watcher.follow()
  }

  read(signal: AbortSignal): Promise<SourceChunk | null> {
    return this.#track(this.#read(signal))
  }

  checkpoint(file: string, offset: number): Promise<Checkpoint> {
    return this.#track(this.#contents.checkpoint(file, offset))
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#watcher.close()
    await Promise.allSettled(this.#running)
    await this.#contents.close()
  }

  #track<T>(work: Promise<T>): Promise<T> {
    this.#running.add(work)
    const forget = () => this.#running.delete(work)
    work.then(forget, forget)
    return work
  }

  async #read(signal: AbortSignal): Promise<SourceChunk | null> {
    while (this.#closing === null && !this.#complete && !signal.aborted) {
      this.#watcher.reset()
      try {
        const chunk = await this.#next()
        if (chunk) return chunk
      } catch (error) {
        throw unreadable(this.#path, error)
      }
      await this.#watcher.wait(this.#patienceMs(), signal)
    }
    return null
  }

  /** What can be given out now. */
  async #next(): Promise<SourceChunk | null> {
    const due = this.#contents.count === 0 || this.#clock.monotonic() - this.#lookedAt >= this.#pollMs
    if (due && !this.#once) await this.#look()
    const content = this.#contents.current
    if (!content) return null
    const { offset } = content.prefix
    const bytes = await this.#reader.read(content)
    if (bytes === false) return this.#overwrite(content)
    if (bytes) {
      content.prefix.add(bytes)
      this.#quietSince = null
      return { file: content.id, offset, bytes, last: false }
    }
    return this.#once ? this.#finish(content) : this.#atEnd(content)
  }

  async #atEnd(content: Content): Promise<SourceChunk | null> {
    await this.#look()
    const now = this.#clock.monotonic()
    const { size } = await content.handle.stat()
    const over = this.#contents.count > 1 || (this.#gone && this.#endWhenGone)
    if (size !== content.prefix.offset || !over) {
      this.#quietSince = null
      return null
    }
    this.#quietSince ??= now
    if (now - this.#quietSince < this.#graceMs) return null
    return (await this.#goOnInNext(content)) ? this.#next() : this.#finish(content)
  }

  /** While nobody reads, because the broker is away, files may come and go: each is opened as it comes. */
  #renamed(): void {
    if (this.#once || this.#closing !== null) return
    // What goes wrong here goes wrong again, and is thrown, at the next read.
    void this.#track(this.#look().catch(() => {}))
  }

  /** Opens what the path names now, if that is another file than before. */
  #look(): Promise<void> {
    const look = this.#looks.then(() => this.#lookNow())
    this.#looks = look.catch(() => {})
    return look
  }

  async #lookNow(): Promise<void> {
    const now = this.#clock.monotonic()
    this.#lookedAt = now
    try {
      const stats = await statOrNull(this.#path)
      this.#gone = stats === null
      if (stats && this.#pending) return await this.#resumeLate(this.#pending)
      const content =
        stats && !this.#contents.knows(String(stats.dev), String(stats.ino)) ? await openContent(this.#path) : null
      this.#refusedSince = null
      if (!content) return
      if (this.#contents.knows(content.device, content.inode)) return void (await content.handle.close())
      this.#contents.add([content])
      this.#watcher.follow()
      this.#log.info('the name stands for a new file: reading it next', { path: this.#path, file: content.id })
    } catch (error) {
      // A file that is being made may not have its owner and mode yet.
      this.#refusedSince ??= now
      if (now - this.#refusedSince >= this.#graceMs) throw error
    }
  }

  async #resumeLate(checkpoint: Checkpoint): Promise<void> {
    const contents = await resume(this.#path, checkpoint, this.#log)
    if (contents.length === 0) return
    this.#pending = null
    this.#contents.add(contents)
    this.#watcher.follow()
  }

  /** The file was truncated or rewritten: the content that was read is over, apart from its copy, and another one begins. */
  async #overwrite(content: Content): Promise<SourceChunk | null> {
    const { size } = await content.handle.stat()
    const { id, inode, prefix } = content
    const { offset } = prefix
    const recognise = async (copy: Content) => ((await prefix.isWholeIn(copy.handle)) ? { ...copy, id, prefix } : null)
    const copy = await findCopy(this.#path, inode, offset, recognise, (stats) => this.#contents.isDone(stats))
    const fields = { path: this.#path, size, offset, file: this.#contents.overwrite(copy).id }
    const what = size < offset ? 'truncated' : 'rewritten'
    if (!copy) {
      this.#log.warn(`the file was ${what}: reading it from its begin`, fields)
      return { file: id, offset, bytes: none, last: true }
    }
    this.#log.info(`the file was ${what}: reading the rest of its copy, and then it from its begin`, fields)
    return this.#next()
  }

  /**
   * Whether the finished file was saved anew, as editors and ConfigMap volumes do: it is deleted, and the next one begins with
   * every byte that was read of it. Then that goes on with its content.
   */
  async #goOnInNext({ prefix }: Content): Promise<boolean> {
    const next = await this.#contents.replacement()
    if (!next) return false
    const fields = { path: this.#path, offset: prefix.offset }
    const same = await prefix.isWholeIn(next.handle)
    if (same) {
      this.#log.info('the file was replaced by one that begins the same: only what is new in it is sent', fields)
      this.#contents.goOnInNext()
      this.#quietSince = null
    } else this.#log.warn('the file was replaced by one that begins otherwise: all of that is sent', fields)
    return same
  }

  async #finish(content: Content): Promise<SourceChunk> {
    await this.#contents.finish()
    this.#quietSince = null
    this.#complete = (this.#once || this.#endWhenGone) && this.#contents.count === 0
    return { file: content.id, offset: content.prefix.offset, bytes: none, last: true }
  }

  #patienceMs(): number {
    const since = this.#quietSince ?? this.#refusedSince
    if (since === null) return this.#pollMs
    return Math.max(1, Math.min(this.#pollMs, Math.ceil(since + this.#graceMs - this.#clock.monotonic())))
  }
}
