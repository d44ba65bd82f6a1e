import { closeSync, fsyncSync, openSync, readFileSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { takeLockAt } from '../../dev/lock.ts'
import { describe } from '../../runtime/core/errors.ts'
import { CommandError } from '../command.ts'
import type { Range } from './range.ts'

/** What a replay was told, as it was typed: a run that goes on must not be told otherwise. */
export interface Told {
  readonly queue: string
  readonly exchange: string
  readonly into: string
  readonly from: string
  readonly to: string | null
  readonly match: string | null
  readonly again: boolean
  /** Before times that are relative were made absolute. */
  readonly typed: { readonly from: string; readonly to: string | null }
}

/** How far a replay has come. */
export interface ReplayState {
  readonly kind: 'kedafn replay'
  readonly version: 1
  readonly told: Told
  readonly range: Range
  /** All that stands before this offset is confirmed, or left out. */
  readonly next: number
  /** Messages that were confirmed. */
  readonly messages: number
}

/** Keeps the state in a file that is replaced as a whole: after a crash at any moment it holds the old or the new one. */
export class StateFile {
  readonly path: string
  readonly #unlock: () => void

  /** @throws CommandError if another process works with it */
  constructor(path: string) {
    this.path = path
    this.#unlock = withAdvice(path, () =>
      takeLockAt(
        `${path}.lock`,
        (holder) =>
          new CommandError(`process ${holder} works with ${path}`, 'Wait for it, or give this run another --state'),
      ),
    )
  }

  /** Null: there is none yet. @throws CommandError */
  read(): ReplayState | null {
    let text: string
    try {
      text = readFileSync(this.path, 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw unusable(this.path, 'read', error)
    }
    const state = parsed(text)
    if (state) return state
    throw new CommandError(
      `${this.path} is no state of a replay`,
      'Give another --state, or delete the file to begin anew',
    )
  }

  /** Resolves when it is on disk for good. One at a time. @throws CommandError */
  async save(state: ReplayState): Promise<void> {
    const fresh = `${this.path}.tmp`
    try {
      const file = await open(fresh, 'w')
      try {
        await file.writeFile(`${JSON.stringify(state)}\n`)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(fresh, this.path)
      syncFolder(dirname(this.path))
    } catch (error) {
      throw unusable(this.path, 'written', error)
    }
  }

  close(): void {
    this.#unlock()
  }
}

/** n.b. Where a folder cannot be read it cannot be synced either; a name that a power cut takes back costs repeats, and no message. */
function syncFolder(path: string): void {
  try {
    const folder = openSync(path, 'r')
    try {
      fsyncSync(folder)
    } finally {
      closeSync(folder)
    }
  } catch {}
}

function parsed(text: string): ReplayState | null {
  try {
    const state = JSON.parse(text) as ReplayState
    const { kind, version, told, range, next, messages } = state
    const isSound =
      kind === 'kedafn replay' &&
      version === 1 &&
      typeof told.queue === 'string' &&
      [range.start, range.end, range.untimedStart, range.untimedEnd, next, messages].every(Number.isSafeInteger)
    return isSound ? state : null
  } catch {
    return null
  }
}

function withAdvice<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw error instanceof CommandError ? error : unusable(path, 'written', error)
  }
}

const unusable = (path: string, what: 'read' | 'written', cause: unknown): CommandError =>
  new CommandError(
    `${path} cannot be ${what}: ${describe(cause)}`,
    'Give --state a file on a disk that can be written',
    { cause },
  )
