import { type Checkpoint, encodeCheckpoint } from './core/checkpoint.ts'
import { FnError } from './core/errors.ts'
import type { CheckpointStore } from './ports.ts'

const textOf = (checkpoint: Checkpoint | null): string | null => checkpoint && encodeCheckpoint(checkpoint)

/** A checkpoint store that knows what this process read from it and saved to it, and so tells when another one did. */
export class WatchedStore implements CheckpointStore {
  readonly #store: CheckpointStore
  readonly #checkBeforeSave: boolean
  #loading: Promise<Checkpoint | null> | null = null
  /** What this process read or saved last; undefined before the first load. */
  #known: string | null | undefined
  /** What it saves at the moment, or gave up saving: it may be there or not. */
  #tried: string | null = null

  /** @param checkBeforeSave for a store that anyone can save to at any time, with the lock or without */
  constructor(store: CheckpointStore, checkBeforeSave: boolean) {
    this.#store = store
    this.#checkBeforeSave = checkBeforeSave
  }

  async load(): Promise<Checkpoint | null> {
    this.#loading = this.#store.load()
    const checkpoint = await this.#loading
    this.#known = textOf(checkpoint)
    this.#loading = null
    return checkpoint
  }

  async save(checkpoint: Checkpoint): Promise<void> {
    if (this.#checkBeforeSave) await this.check()
    const text = encodeCheckpoint(checkpoint)
    this.#tried = text
    await this.#store.save(checkpoint)
    this.#known = text
  }

  /**
   * Resolves if what stands in the store is this process's own. A checkpoint that is gone says nothing of another producer.
   * @throws FnError FN_TAKEN_OVER
   */
  async check(): Promise<void> {
    await this.#loading
    if (this.#known === undefined) return
    const checkpoint = await this.#store.load()
    const text = textOf(checkpoint)
    if (checkpoint === null || text === this.#known || text === this.#tried) return
    throw new FnError('FN_TAKEN_OVER', `its checkpoint is at byte ${checkpoint.offset} of file ${checkpoint.file}`)
  }
}
