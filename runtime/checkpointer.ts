import { describe, FnError } from './core/errors.ts'
import type { Piece } from './core/lines.ts'
import type { CheckpointStore, Clock, Instruments, Source } from './ports.ts'

export interface Checkpointing {
  readonly source: Source
  readonly store: CheckpointStore
  /** Resolves if what was confirmed so far is where it belongs: no checkpoint passes it before. */
  readonly standing: () => Promise<void>
  readonly clock: Clock
  readonly instruments: Instruments
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
  /** The file that is read, up to where it is sent, and from where it would be sent again. */
  #reach = { file: '', sent: 0, saved: 0 }
  /** Since when the saved checkpoint is behind something and stands still, ms of the monotonic clock; null while it is behind nothing. */
  #behindSince: number | null = null
  #saving: Promise<void> | null = null
  #stopped = false
  #cancelTimer: (() => void) | null = null
  readonly #endReadings: () => void
  #waitingForRoom: (() => void)[] = []
  #fail: (error: unknown) => void = () => {}
  /** Rejects with FN_CHECKPOINT_UNUSABLE if a save fails, and with the code of an error that has one. */
  readonly failed: Promise<never> = new Promise((_resolve, reject) => {
    this.#fail = reject
  })

  constructor(checkpointing: Checkpointing) {
    this.#with = checkpointing
    this.failed.catch(() => {})
    const { instruments, clock } = checkpointing
    const readings = [
      instruments.observe('kedafn.checkpoint.lag.lines', () => this.#begun - this.#saved),
      instruments.observe('kedafn.checkpoint.lag', () => this.#reach.sent - this.#reach.saved),
      instruments.observe('kedafn.checkpoint.age', () =>
        this.#behindSince === null ? 0 : (clock.monotonic() - this.#behindSince) / 1000,
      ),
    ]
    this.#endReadings = () => {
      for (const end of readings) end()
    }
  }

  /** False while so many lines are beyond the saved checkpoint that a crash would repeat more than promised. */
  hasRoom(): boolean {
    return this.#begun - this.#saved < this.#with.window + this.#with.checkpointLines
  }

  room(): Promise<void> {
    return new Promise((resolve) => this.#waitingForRoom.push(resolve))
  }

  /** `piece` of `file`, so many lines, is on its way. */
  begin(lines: number, file: string, piece: Piece): void {
    this.#begun += lines
    if (this.#behindSince === null) this.#behindSince = this.#with.clock.monotonic()
    const from = piece.kind === 'line' ? piece.line.offset : piece.offset
    if (this.#reach.file !== file) this.#reach = { file, sent: from, saved: from }
    this.#reach.sent = piece.end ?? this.#reach.sent
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
    this.#endReadings()
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
    const { source, store, standing } = this.#with
    try {
      const [checkpoint] = await Promise.all([source.checkpoint(file, end), standing()])
      await store.save(checkpoint)
    } catch (error) {
      throw error instanceof FnError ? error : new FnError('FN_CHECKPOINT_UNUSABLE', describe(error), { cause: error })
    }
    this.#saved = confirmed
    if (this.#reach.file === file) this.#reach.saved = end
    this.#behindSince = this.#begun === confirmed ? null : this.#with.clock.monotonic()
    for (const resolve of this.#waitingForRoom.splice(0)) resolve()
  }
}
