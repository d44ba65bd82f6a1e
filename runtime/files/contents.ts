import type { BigIntStats } from 'node:fs'
import type { Checkpoint } from '../core/checkpoint.ts'
import { type Content, nextGeneration } from './content.ts'
import { Prefix } from './prefix.ts'

/** What there is to read under one name, in order, and what was read and may still be asked for a checkpoint. */
export class Contents {
  /** The last is what the path named when it was looked at. */
  readonly #unfinished: Content[]
  /** Until a later one is asked for a checkpoint. */
  readonly #past: Content[] = []
  /** Files that were read to their end, as they were then. */
  readonly #done = new Set<string>()
  #checkpoints: Promise<unknown> = Promise.resolve()

  constructor(contents: readonly Content[]) {
    this.#unfinished = [...contents]
  }

  get count(): number {
    return this.#unfinished.length
  }

  /** What is being read. */
  get current(): Content | undefined {
    return this.#unfinished[0]
  }

  knows(device: string, inode: string): boolean {
    return this.#unfinished.some((content) => content.device === device && content.inode === inode)
  }

  add(contents: readonly Content[]): void {
    this.#unfinished.push(...contents)
  }

  /** The current one is read to its end. */
  async finish(): Promise<void> {
    const content = this.#unfinished[0] as Content
    const stats = await content.handle.stat({ bigint: true })
    if (Number(stats.size) === content.prefix.offset) this.#done.add(stateOf(stats))
    const [oldest] = this.#done
    if (oldest !== undefined && this.#done.size > mostRemembered) this.#done.delete(oldest)
    this.#past.push(...this.#unfinished.splice(0, 1))
  }

  /** Whether a file was read to its end and has not been written to since. */
  isDone(stats: BigIntStats): boolean {
    return this.#done.has(stateOf(stats))
  }

  /** Other bytes have the place of the current one: they come after what its copy holds, if there is one. @returns these */
  overwrite(copy: Content | null): Content {
    const content = this.#unfinished[0] as Content
    const next = { ...content, id: nextGeneration(content.id), prefix: Prefix.empty() }
    content.overwritten = true
    if (copy) this.#unfinished.splice(0, 1, copy, next)
    else {
      this.#unfinished[0] = next
      this.#past.push(content)
    }
    return next
  }

  /**
   * The file after the current one, if the current one was finished by it: it is deleted (one that was renamed was rotated),
   * and something of it was read.
   */
  async replacement(): Promise<Content | null> {
    const [content, next] = this.#unfinished
    if (!content || !next || content.prefix.offset === 0) return null
    return (await content.handle.stat()).nlink === 0 ? next : null
  }

  /** The content of the current file goes on in the one after it. */
  goOnInNext(): void {
    const [content, next] = this.#unfinished as [Content, Content]
    this.#unfinished.splice(0, 2, { ...next, id: content.id, prefix: content.prefix })
    this.#past.push(content)
  }

  /** One after the other, in order. */
  checkpoint(file: string, offset: number): Promise<Checkpoint> {
    const result = this.#checkpoints.then(() => this.#checkpoint(file, offset))
    this.#checkpoints = result.catch(() => {})
    return result
  }

  async close(): Promise<void> {
    for (const content of [...this.#past.splice(0), ...this.#unfinished.splice(0)]) await release(content)
  }

  async #checkpoint(file: string, offset: number): Promise<Checkpoint> {
    const current = this.#unfinished.find(({ id }) => id === file)
    const at = current ? this.#past.length : this.#past.findLastIndex(({ id }) => id === file)
    const content = current ?? this.#past[at]
    if (!content) throw new RangeError(`no file ${file} is being read, or a later one has a checkpoint`)
    for (const done of this.#past.splice(0, at)) await release(done)
    const { device, inode, handle, prefix } = content
    const print = content.overwritten ? null : await prefix.fingerprint(handle, offset)
    // n.b. What came after a truncation must not be taken for what was there before: a word no fingerprint equals.
    return { file, device, inode, offset, fingerprint: print ?? 'overwritten' }
  }
}

/** Rotated files beside the one that is read are a few. */
const mostRemembered = 1000

/** n.b. an inode alone may be another file by now, or the same one written anew by `cp`. */
const stateOf = ({ dev, ino, size, mtimeNs }: BigIntStats): string => `${dev} ${ino} ${size} ${mtimeNs}`

async function release(content: Content): Promise<void> {
  if (!content.overwritten) await content.handle.close()
}
