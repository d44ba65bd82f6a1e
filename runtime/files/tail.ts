import type { Checkpoint } from '../core/checkpoint.ts'
import { FnError } from '../core/errors.ts'
import type { Clock, Log, Source, SourceChunk } from '../ports.ts'
import { type Content, fingerprint, nextGeneration, openContent, statOrNull, unreadable } from './content.ts'
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
}

const none = new Uint8Array(0)

/**
 * Follows a file that grows, is rotated by rename, replaced or truncated, and comes and goes. One `read` at a time;
 * `checkpoint` may run beside it.
 *
 * What it cannot see: a truncation after which the file grew past the old offset before it was looked at; a file that came
 * and went under the name faster than its event was handled; after a pause of the process, files between the one of the checkpoint and
 * the one the name has now, and a rotated file that left the directory or was compressed.
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
  return new Tail(options, contents)
}

class Tail implements Source {
  readonly #path: string
  readonly #once: boolean
  readonly #clock: Clock
  readonly #log: Log
  readonly #maxReadBytes: number
  readonly #graceMs: number
  readonly #pollMs: number
  readonly #watcher: FileWatcher
  /** What is to be read, in order: the last is what the path named when it was looked at. */
  readonly #contents: Content[]
  /** What was read to its end and may still be asked for a checkpoint: until a later one is. */
  readonly #past: Content[] = []
  readonly #running = new Set<Promise<unknown>>()
  #checkpoints: Promise<unknown> = Promise.resolve()
  #looks: Promise<void> = Promise.resolve()
  #buffer: Buffer | null = null
  #lookedAt: number
  /** Since when the first content has not grown, though the path names another file. */
  #quietSince: number | null = null
  #refusedSince: number | null = null
  #complete = false
  #closing: Promise<void> | null = null

  constructor(options: TailOptions, contents: Content[]) {
    this.#path = options.path
    this.#once = options.once
    this.#clock = options.clock
    this.#log = options.log
    this.#maxReadBytes = options.maxReadBytes ?? 256 * 1024
    this.#graceMs = options.rotateGraceMs ?? 1000
    this.#pollMs = options.pollMs ?? 1000
    this.#contents = contents
    this.#lookedAt = this.#clock.monotonic()
    this.#watcher = new FileWatcher(this.#path, this.#clock, () => this.#renamed())
    this.#watcher.follow()
  }

  read(signal: AbortSignal): Promise<SourceChunk | null> {
    return this.#track(this.#read(signal))
  }

  checkpoint(file: string, offset: number): Promise<Checkpoint> {
    const result = this.#checkpoints.then(() => this.#checkpoint(file, offset))
    this.#checkpoints = result.catch(() => {})
    return this.#track(result)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#watcher.close()
    await Promise.allSettled(this.#running)
    for (const content of [...this.#past.splice(0), ...this.#contents.splice(0)]) await release(content)
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
    const due = this.#contents.length === 0 || this.#clock.monotonic() - this.#lookedAt >= this.#pollMs
    if (due && !this.#once) await this.#look()
    const content = this.#contents[0]
    if (!content) return null
    const bytes = await this.#readSome(content)
    if (bytes) {
      const { offset } = content
      content.offset += bytes.length
      this.#quietSince = null
      return { file: content.id, offset, bytes, last: false }
    }
    return this.#once ? this.#finish(content) : this.#atEnd(content)
  }

  async #atEnd(content: Content): Promise<SourceChunk | null> {
    await this.#look()
    const now = this.#clock.monotonic()
    const { size } = await content.handle.stat()
    if (size < content.offset) return this.#truncate(content, size)
    if (size > content.offset || this.#contents.length === 1) {
      this.#quietSince = null
      return null
    }
    this.#quietSince ??= now
    return now - this.#quietSince >= this.#graceMs ? this.#finish(content) : null
  }

  async #readSome(content: Content): Promise<Uint8Array | null> {
    const buffer = this.#buffer ?? Buffer.allocUnsafeSlow(this.#maxReadBytes)
    this.#buffer = buffer
    const { bytesRead } = await content.handle.read(buffer, 0, buffer.length, content.offset)
    if (bytesRead === 0) return null
    const bytes = buffer.subarray(0, bytesRead)
    // Whoever holds a few bytes of a chunk must not hold the whole buffer, and what was given out is never written again.
    if (bytesRead * 2 < buffer.length) return new Uint8Array(bytes)
    this.#buffer = null
    return bytes
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
      const content = stats && !this.#knows(String(stats.dev), String(stats.ino)) ? await openContent(this.#path) : null
      this.#refusedSince = null
      if (!content) return
      if (this.#knows(content.device, content.inode)) return void (await content.handle.close())
      this.#contents.push(content)
      this.#watcher.follow()
      this.#log.info('the name stands for a new file: reading it next', { path: this.#path, file: content.id })
    } catch (error) {
      // A file that is being made may not have its owner and mode yet.
      this.#refusedSince ??= now
      if (now - this.#refusedSince >= this.#graceMs) throw error
    }
  }

  #knows(device: string, inode: string): boolean {
    return this.#contents.some((content) => content.device === device && content.inode === inode)
  }

  /** The file holds less than was read of it: that content is over, and another one begins. */
  #truncate(content: Content, size: number): SourceChunk {
    const { id, offset } = content
    const next = { ...content, id: nextGeneration(id), offset: 0 }
    this.#log.warn('the file was truncated: reading it from its begin', {
      path: this.#path,
      size,
      offset,
      file: next.id,
    })
    content.overwritten = true
    this.#past.push(content)
    this.#contents[0] = next
    return { file: id, offset, bytes: none, last: true }
  }

  #finish(content: Content): SourceChunk {
    this.#contents.shift()
    this.#past.push(content)
    this.#quietSince = null
    this.#complete = this.#once && this.#contents.length === 0
    return { file: content.id, offset: content.offset, bytes: none, last: true }
  }

  #patienceMs(): number {
    const since = this.#quietSince ?? this.#refusedSince
    if (since === null) return this.#pollMs
    return Math.max(1, Math.min(this.#pollMs, Math.ceil(since + this.#graceMs - this.#clock.monotonic())))
  }

  async #checkpoint(file: string, offset: number): Promise<Checkpoint> {
    const at = this.#past.findLastIndex(({ id }) => id === file)
    const content = this.#past[at] ?? this.#contents.find(({ id }) => id === file)
    if (!content) throw new RangeError(`no file ${file} is being read, or a later one has a checkpoint`)
    for (const done of this.#past.splice(0, at === -1 ? this.#past.length : at)) await release(done)
    const { device, inode, handle, overwritten } = content
    // n.b. What came after a truncation must not be taken for what was there before: a word no fingerprint equals.
    const print = (overwritten ? null : await fingerprint(handle, offset)) ?? 'overwritten'
    return { file, device, inode, offset, fingerprint: print }
  }
}

async function release(content: Content): Promise<void> {
  if (!content.overwritten) await content.handle.close()
}
