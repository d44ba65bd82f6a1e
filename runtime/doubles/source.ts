import type { Checkpoint } from '../core/checkpoint.ts'
import { FnError } from '../core/errors.ts'
import type { CheckpointStore, Source, SourceChunk } from '../ports.ts'

interface MemoryContent {
  readonly inode: number
  readonly generation: number
  bytes: Uint8Array
  /** No more is appended: it was truncated away, or another file has the name. */
  over: boolean
}

const idOf = ({ inode, generation }: MemoryContent): string =>
  generation === 0 ? `memory-${inode}` : `memory-${inode}.${generation}`

const bytesOf = (content: string | Uint8Array): Uint8Array =>
  typeof content === 'string' ? new TextEncoder().encode(content) : content.slice()

export interface MemorySourceOptions {
  /** The source ends with the file instead of waiting for more. @default false */
  readonly once?: boolean
  /** Where an earlier source of this file stopped. @default null */
  readonly checkpoint?: Checkpoint | null
  /** The most bytes of one chunk. @default 262144 */
  readonly maxReadBytes?: number
}

/** A file in memory. What is done to it shows in the sources that read it, as with a real one. */
export class MemoryFile {
  /** Everything that stood under the name, in order; the last is what stands there now. */
  readonly #contents: MemoryContent[]
  readonly #waiting = new Set<() => void>()

  constructor(content: string | Uint8Array = '') {
    this.#contents = [{ inode: 1, generation: 0, bytes: bytesOf(content), over: false }]
  }

  get #current(): MemoryContent {
    return this.#contents.at(-1) as MemoryContent
  }

  append(content: string | Uint8Array): void {
    const { bytes } = this.#current
    const more = bytesOf(content)
    const all = new Uint8Array(bytes.length + more.length)
    all.set(bytes)
    all.set(more, bytes.length)
    this.#current.bytes = all
    this.#changed()
  }

  /** The file goes, and a new one has its name. */
  rotate(content: string | Uint8Array = ''): void {
    this.#begin({ inode: this.#current.inode + 1, generation: 0, bytes: bytesOf(content), over: false })
  }

  /** The file is emptied. What no source has read of it is lost. */
  truncate(): void {
    const { inode, generation } = this.#current
    this.#begin({ inode, generation: generation + 1, bytes: bytesOf(''), over: false })
  }

  /** A source that goes on at the checkpoint, or begins with what stands under the name now. */
  source(options: MemorySourceOptions = {}): Source {
    const { once = false, checkpoint = null, maxReadBytes = 256 * 1024 } = options
    const found = this.#contents.findIndex((content) => idOf(content) === checkpoint?.file)
    let at = found === -1 ? this.#contents.length - 1 : found
    let offset = found === -1 ? 0 : (checkpoint?.offset ?? 0)
    let ended = false

    const next = (): SourceChunk | null => {
      const content = this.#contents[at] as MemoryContent
      const file = idOf(content)
      const bytes = content.bytes.slice(offset, offset + maxReadBytes)
      const chunk = { file, offset, bytes, last: bytes.length === 0 }
      if (bytes.length > 0) {
        offset += bytes.length
        return chunk
      }
      if (content.over) {
        at++
        offset = 0
        return chunk
      }
      ended = once
      return once ? chunk : null
    }

    return {
      read: async (signal) => {
        while (!ended && !signal.aborted) {
          const chunk = next()
          if (chunk) return chunk
          await this.#change(signal)
        }
        return null
      },
      checkpoint: async (file, offset) => {
        const content = this.#contents.find((content) => idOf(content) === file)
        if (!content) throw new RangeError(`no file ${file}`)
        return { file, device: '0', inode: String(content.inode), offset, fingerprint: '' }
      },
      close: async () => {
        ended = true
        this.#changed()
      },
    }
  }

  #begin(content: MemoryContent): void {
    this.#current.over = true
    this.#contents.push(content)
    this.#changed()
  }

  #changed(): void {
    for (const wake of this.#waiting) wake()
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener('abort', wake)
        this.#waiting.delete(wake)
        resolve()
      }
      signal.addEventListener('abort', wake)
      this.#waiting.add(wake)
    })
  }
}

/** Keeps checkpoints in memory, and fails or holds back when the test wants it to. */
export class MemoryCheckpointStore implements CheckpointStore {
  /** Everything that was saved, in order. */
  readonly saved: Checkpoint[] = []
  #held: Promise<void> = Promise.resolve()
  #failure: string | null = null
  #saves: Promise<void> = Promise.resolve()

  async load(): Promise<Checkpoint | null> {
    return this.saved.at(-1) ?? null
  }

  save(checkpoint: Checkpoint): Promise<void> {
    const saved = this.#saves.then(async () => {
      await this.#held
      const failure = this.#failure
      this.#failure = null
      if (failure !== null) throw new FnError('FN_CHECKPOINT_UNUSABLE', failure)
      this.saved.push(checkpoint)
    })
    this.#saves = saved.catch(() => {})
    return saved
  }

  /** Saves wait from now on, until the returned function is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#held = promise
    return resolve
  }

  /** The next save fails. */
  failNext(detail = 'no space left on the device'): void {
    this.#failure = detail
  }
}
