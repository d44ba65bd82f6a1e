import { closeSync, fsyncSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { describe } from '../../../runtime/core/errors.ts'
import type { Delivered } from '../../broker/queue-reader.ts'
import { CommandError } from '../../command.ts'
import { safeText } from '../../output/safe.ts'
import { asJson } from './payload.ts'

/** A file that messages are written to before they are deleted: one JSON document a line, the body as base64. */
export class SavingFile {
  readonly #path: string
  readonly #file: number
  #size = 0

  /** @throws CommandError if the file exists or cannot be made */
  constructor(path: string, cwd: string) {
    this.#path = resolve(cwd, path)
    try {
      this.#file = openSync(this.#path, 'wx', 0o600)
      const folder = openSync(dirname(this.#path), 'r')
      fsyncSync(folder)
      closeSync(folder)
    } catch (error) {
      const advice =
        (error as NodeJS.ErrnoException).code === 'EEXIST' ? 'Nothing is overwritten: name another file' : null
      throw new CommandError(`${safeText(path)} cannot be made: ${safeText(describe(error))}`, advice, { cause: error })
    }
  }

  /** Writes one message; it is on disk for good after {@link sync} only. @throws CommandError, and the file ends with a whole line */
  write({ body, properties, headers }: Delivered): void {
    const content = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    const line = Buffer.from(
      `${JSON.stringify({ properties: asJson(properties), headers: asJson(headers), body: content.toString('base64') })}\n`,
    )
    try {
      for (let at = 0; at < line.length; ) at += writeSync(this.#file, line, at)
      this.#size += line.length
    } catch (error) {
      ftruncateSync(this.#file, this.#size)
      throw this.#failed(error)
    }
  }

  sync(): void {
    try {
      fsyncSync(this.#file)
    } catch (error) {
      throw this.#failed(error)
    }
  }

  close(): void {
    closeSync(this.#file)
  }

  #failed(error: unknown): CommandError {
    return new CommandError(
      `${safeText(this.#path)} cannot be written: ${safeText(describe(error))}`,
      'What could not be saved is still among the dead letters',
      { cause: error },
    )
  }
}
