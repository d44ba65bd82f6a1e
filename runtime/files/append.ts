import { constants } from 'node:fs'
import { dirname } from 'node:path'
import { text } from '../core/codecs.ts'
import { describe } from '../core/errors.ts'
import { calls } from './calls.ts'
import { makeDirectory, syncDirectory } from './directory.ts'
import { isTorn, takeBack } from './torn.ts'

export interface AppendOptions {
  /**
   * Whether an append waits until its lines are on disk. `false` is unsafe: lines that were reported as written are lost
   * when the machine, not only the process, goes down.
   * @default true
   */
  readonly sync?: boolean
}

/** A file that lines are appended to. */
export interface LineSink extends AsyncDisposable {
  /**
   * Appends the lines, each followed by LF, as one run of bytes, and resolves once they are on disk. Calls need not wait for
   * each other: all that came while the last write ran go out together, in the order of the calls.
   *
   * A line is taken as it is: a string as UTF-8 (one from the codec `text` as the bytes it was decoded from), bytes as bytes,
   * and with an LF inside it becomes two lines in the file.
   *
   * Rejects with an Error that names the file when the lines could not be written or synced. They may then be in the file or
   * not, so append them again; the file is ready for that, and never left so that they would be glued to a torn line.
   */
  append(lines: readonly (string | Uint8Array)[]): Promise<void>
  /** Waits for the appends that run and closes the file. An append after it rejects. */
  close(): Promise<void>
}

/**
 * Opens a file to append lines to; makes it, and the directories above it, if they are missing. What stands in it is never
 * changed or deleted. If its last line is torn (no LF, and nobody is writing), the first append begins with an LF.
 *
 * Several processes may append to one file: each append is one write at the end, so lines stay whole. A file that is
 * renamed goes on being written to under its new name. A path that is no regular file, such as `/dev/stdout` as a pipe, is
 * written to without sync.
 *
 * Rejects with an Error that names the path if it cannot be opened for writing.
 *
 * @example
 * await using output = await appendLines('output.txt')
 * await output.append(['one', 'two'])
 */
export async function appendLines(path: string, options: AppendOptions = {}): Promise<LineSink> {
  const { sync = true } = options
  try {
    await makeDirectory(dirname(path))
    const file = await calls.open(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT)
    try {
      const stats = await calls.stat(file)
      const regular = stats.isFile()
      if (regular && sync && stats.size === 0) await syncDirectory(dirname(path))
      return new FileSink(path, file, regular, regular && sync)
    } catch (error) {
      await calls.close(file)
      throw error
    }
  } catch (error) {
    throw new Error(`${path} cannot be opened for appending: ${describe(error)}`, { cause: error })
  }
}

interface Call {
  readonly bytes: Uint8Array
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

class FileSink implements LineSink {
  readonly #path: string
  /** The descriptor. */
  readonly #file: number
  readonly #regular: boolean
  readonly #sync: boolean
  #calls: Call[] = []
  /** Ends when no call waits. */
  #writing: Promise<void> | null = null
  /** Whether the file may end in a torn line, and whether one of ours may be it. */
  #endUnknown: boolean
  #torn = false
  #closing: Promise<void> | null = null

  constructor(path: string, file: number, regular: boolean, sync: boolean) {
    this.#path = path
    this.#file = file
    this.#regular = regular
    this.#sync = sync
    this.#endUnknown = regular
  }

  async append(lines: readonly (string | Uint8Array)[]): Promise<void> {
    if (this.#closing !== null) throw new Error(`${this.#path} is closed`)
    if (lines.length === 0) return
    const bytes = encode(lines)
    await new Promise<void>((resolve, reject) => {
      this.#calls.push({ bytes, resolve, reject })
      this.#writing ??= this.#writeAll()
    })
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      await this.#writing
      await calls.close(this.#file)
    })()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #writeAll(): Promise<void> {
    while (this.#calls.length > 0) {
      const group = this.#calls
      this.#calls = []
      const [first, second] = group
      try {
        await this.#write(first && !second ? first.bytes : Buffer.concat(group.map(({ bytes }) => bytes)))
        for (const { resolve } of group) resolve()
      } catch (error) {
        const failure = new Error(`${this.#path} cannot be appended to: ${describe(error)}`, { cause: error })
        for (const { reject } of group) reject(failure)
      }
    }
    this.#writing = null
  }

  async #write(lines: Uint8Array): Promise<void> {
    const torn = this.#endUnknown && (await isTorn(this.#path, this.#file, this.#torn))
    const bytes = torn ? Buffer.concat([newline, lines]) : lines
    let written = 0
    try {
      while (written < bytes.length) {
        written += (await calls.write(this.#file, bytes, written, bytes.length - written, null)).bytesWritten
      }
    } catch (error) {
      this.#endUnknown = this.#regular
      if (this.#regular && written > 0) this.#torn = !takeBack(this.#path, this.#file, bytes.subarray(0, written))
      throw error
    }
    this.#endUnknown = false
    this.#torn = false
    if (this.#sync) await calls.fdatasync(this.#file)
  }
}

const newline = Uint8Array.of(10)

/** The lines with an LF after each, in one buffer. */
function encode(lines: readonly (string | Uint8Array)[]): Uint8Array {
  // One string that is encoded at once takes a tenth of the time of its lines one by one.
  if (lines.every((line) => typeof line === 'string')) return text.encode(`${lines.join('\n')}\n`)
  const parts = lines.map((line) => {
    if (typeof line === 'string') return text.encode(line)
    if (line instanceof Uint8Array) return line
    throw new TypeError(
      `a line is ${line === null ? 'null' : `a value of type ${typeof line}`}; expected a string or bytes`,
    )
  })
  const all = Buffer.allocUnsafe(parts.reduce((size, part) => size + part.length + 1, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
    all[at++] = 10
  }
  return all
}
