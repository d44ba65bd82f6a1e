import { describe, FnError } from './core/errors.ts'
import type { CheckpointStore, Clock, Source } from './ports.ts'

export interface Checkpointing {
  readonly source: Source
  readonly store: CheckpointStore
  readonly clock: Clock
  readonly window: number
  readonly checkpointLines: number
  readonly checkpointMs: number
}

/** Follows the confirms with a checkpoint in the store: every so many lines, every so many ms, and at the end. */
export class Checkpointer {
  readonly #with: Checkpointing
  /** The last place up to which all is confirmed, if it is not saved yet. */
  #position: { file: string; end: number } | null = null
  /** Lines begun, confirmed, and confirmed when the last saved checkpoint was taken. */
  #begun = 0
  #confirmed = 0
  #saved = 0
  #saving: Promise<void> | null = null
  #stopped = false
  #cancelTimer: (() => void) | null = null
  #waitingForRoom: (() => void)[] = []
  #fail: (error: unknown) => void = () => {}
  /** Rejects with FN_CHECKPOINT_UNUSABLE if a save fails. */
  readonly failed: Promise<never> = new Promise((_resolve, reject) => {
    this.#fail = reject
  })

  constructor(checkpointing: Checkpointing) {
    this.#with = checkpointing
    this.failed.catch(() => {})
  }

  /** False while so many lines are beyond the saved checkpoint that a crash would repeat more than promised. */
  hasRoom(): boolean {
    return this.#begun - this.#saved < this.#with.window + this.#with.checkpointLines
  }

  room(): Promise<void> {
    return new Promise((resolve) => this.#waitingForRoom.push(resolve))
  }

  begin(lines: number): void {
    this.#begun += lines
  }

  /** Everything up to `end` of `file` is confirmed; `null` inside a line that is sent in parts. */
  confirm(file: string, end: number | null, lines: number): void {
    this.#confirmed += lines
    if (end === null) return
    this.#position = { file, end }
    this.#schedule()
  }

  /** Resolves when everything confirmed is saved. */
  async finish(): Promise<void> {
    while (this.#position !== null || this.#saving !== null) {
      this.#saveNow()
      // A failure first: `saving` stays settled after one, and would win for ever.
      await Promise.race([this.failed, this.#saving])
    }
  }

  /** Nothing more is saved: whoever comes next may be at work already. */
  stop(): void {
    this.#stopped = true
    this.#cancelTimer?.()
  }

  #schedule(): void {
    if (this.#saving || !this.#position) return
    const { clock, checkpointLines, checkpointMs } = this.#with
    if (this.#confirmed - this.#saved >= checkpointLines) this.#saveNow()
    else this.#cancelTimer ??= clock.after(checkpointMs, () => this.#saveNow())
  }

  #saveNow(): void {
    if (this.#stopped || this.#saving || !this.#position) return
    this.#cancelTimer?.()
    this.#cancelTimer = null
    const { file, end } = this.#position
    this.#position = null
    this.#saving = this.#save(file, end, this.#confirmed).then(
      () => {
        this.#saving = null
        this.#schedule()
      },
      (error) => this.#fail(error),
    )
  }

  async #save(file: string, end: number, confirmed: number): Promise<void> {
    const { source, store } = this.#with
    try {
      await store.save(await source.checkpoint(file, end))
    } catch (error) {
      throw error instanceof FnError ? error : new FnError('FN_CHECKPOINT_UNUSABLE', describe(error), { cause: error })
    }
    this.#saved = confirmed
    for (const resolve of this.#waitingForRoom.splice(0)) resolve()
  }
}
