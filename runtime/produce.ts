import { Checkpointer } from './checkpointer.ts'
import type { ProducerConfig } from './core/config.ts'
import { header } from './core/headers.ts'
import { LineSplitter, type Piece } from './core/lines.ts'
import type { EnvSpec, ProducerSpec } from './core/spec.ts'
import { traceContextOf, traceHeaders } from './core/trace-context.ts'
import { MessageMaker } from './outgoing.ts'
import { type Mark, Packer } from './packer.ts'
import type {
  CheckpointStore,
  Clock,
  Instruments,
  Log,
  OutgoingMessage,
  Publisher,
  Source,
  Span,
  Tracer,
} from './ports.ts'

export interface Producing {
  readonly config: ProducerConfig
  readonly spec: ProducerSpec<unknown, EnvSpec>
  readonly source: Source
  readonly store: CheckpointStore
  readonly publisher: Publisher
  readonly clock: Clock
  readonly log: Log
  readonly instruments: Instruments
  /** Null: nothing is traced. */
  readonly tracer?: Tracer | null
}

/**
 * The producer's loop: bytes in, lines out as messages, and the checkpoint behind them. A line counts as sent when the broker
 * has confirmed it; only then does the checkpoint pass it. At most `window + checkpointLines` lines are ever beyond the
 * checkpoint in the store, times `linesPerMessage` where they are packed: that many can be repeated after a crash, and no more.
 */
export class ProducerLoop {
  readonly #with: Producing
  readonly #stop = new AbortController()
  readonly #maker: MessageMaker
  readonly #packer: Packer
  readonly #checkpointer: Checkpointer
  /** So many lines of this process may have been sent by one before it that died. */
  #mayRepeat: number
  #file: string | null = null
  #splitter = new LineSplitter()
  /** The mark of the message published last, as long as it is not confirmed. */
  #newest: Mark | null = null

  constructor(producing: Producing) {
    this.#with = producing
    const { config, spec, source, store, publisher, clock, log } = producing
    const { linesPerMessage } = config
    const [window, checkpointLines] = [config.window * linesPerMessage, config.checkpointLines * linesPerMessage]
    this.#mayRepeat = window + checkpointLines
    const context = Object.freeze({ signal: this.#stop.signal, log, env: config.env })
    this.#maker = new MessageMaker({ ...config, spec, context, log })
    this.#packer = new Packer(linesPerMessage, (message, mark) => this.#publish(message, mark))
    this.#checkpointer = new Checkpointer({
      ...config,
      window,
      checkpointLines,
      source,
      store,
      clock,
      instruments: producing.instruments,
      standing: () => publisher.standing(),
    })
  }

  /**
   * Runs until the source is complete or {@link drain} was called; then everything sent is confirmed and checkpointed.
   * @throws FnError what only a person can mend
   */
  async run(): Promise<void> {
    const { source, publisher } = this.#with
    try {
      await Promise.race([this.#checkpointer.failed, publisher.failed, this.#sendAll()])
      await Promise.race([this.#checkpointer.failed, publisher.idle()])
      await this.#checkpointer.finish()
    } finally {
      this.#stop.abort()
      this.#checkpointer.stop()
      await publisher.close()
      await source.close()
    }
  }

  /** Reads no further. {@link run} ends once the confirms are there. */
  drain(): void {
    this.#stop.abort()
  }

  async #sendAll(): Promise<void> {
    const { source, config } = this.#with
    for (;;) {
      const chunk = await source.read(this.#stop.signal)
      if (!chunk) return
      if (chunk.file !== this.#file) {
        this.#file = chunk.file
        this.#splitter = new LineSplitter(chunk.offset, config.maxLineBytes)
      }
      if (!(await this.#takeAll(chunk.file, this.#splitter.push(chunk.bytes)))) return
      if (!chunk.last) continue
      if (!(await this.#takeAll(chunk.file, this.#splitter.end()))) return
      this.#file = null
    }
  }

  /** False if it was told to stop before all were taken. */
  async #takeAll(file: string, pieces: Iterable<Piece>): Promise<boolean> {
    const { publisher, clock } = this.#with
    const now = clock.now()
    for (const piece of pieces) {
      while (!publisher.hasRoom() || !this.#checkpointer.hasRoom()) {
        // What room is waited for may be what these lines' confirms give.
        this.#packer.flush()
        await (publisher.hasRoom() ? this.#checkpointer.room() : publisher.room())
        if (this.#stop.signal.aborted) return false
      }
      this.#take(file, piece, now)
    }
    this.#packer.flush()
    return !this.#stop.signal.aborted
  }

  #take(file: string, piece: Piece, now: number): void {
    const made = this.#maker.make(file, piece, now, this.#mayRepeat > 0)
    if (made === null) {
      this.#skip(file, piece.end)
      return
    }
    const mark: Mark = { file, end: piece.end, lines: piece.end === null ? 0 : 1 }
    // n.b. lines, as the checkpointer counts them: one that goes in many parts is one.
    this.#mayRepeat -= mark.lines
    this.#checkpointer.begin(mark.lines, file, piece)
    this.#packer.add(made, mark, offsetOf(piece))
  }

  #publish(made: OutgoingMessage, mark: Mark): void {
    const { publisher, instruments } = this.#with
    const span = this.#span(made, mark.lines)
    const message = span ? { ...made, headers: { ...made.headers, ...traceHeaders(span.context) } } : made
    this.#newest = mark
    instruments.add('sent', mark.lines)
    publisher.publish(message, () => {
      span?.end(message.exchange === '' ? `${message.headers?.[header.code]}` : '')
      if (this.#newest === mark) this.#newest = null
      instruments.add('confirmed', mark.lines)
      if (message.exchange === '') {
        instruments.add('dead', mark.lines)
        instruments.count('kedafn.dead_letters', mark.lines, `${message.headers?.[header.code]}`)
      }
      this.#checkpointer.confirm(mark.file, mark.end, mark.lines)
    })
  }

  /** From the publish to the confirm. The context that `map` gave the message, if any, is its parent. */
  #span({ headers = {}, exchange, routingKey, messageId }: OutgoingMessage, lines: number): Span | undefined {
    const destination = exchange || routingKey
    return this.#with.tracer?.start({
      name: `publish ${destination}`,
      kind: 'producer',
      parent: traceContextOf(headers),
      links: [],
      attributes: {
        'messaging.system': 'rabbitmq',
        'messaging.operation.name': 'publish',
        'messaging.operation.type': 'send',
        'messaging.destination.name': destination,
        'messaging.message.id': messageId,
        ...(lines > 1 && { 'messaging.batch.message_count': lines }),
      },
    })
  }

  /** The checkpoint passes a skipped line as soon as everything before it is confirmed. */
  #skip(file: string, end: number | null): void {
    this.#with.instruments.add('skipped')
    const before = this.#packer.open ?? this.#newest
    if (before) Object.assign(before, { file, end })
    else this.#checkpointer.confirm(file, end, 0)
  }
}

const offsetOf = (piece: Piece): number => (piece.kind === 'line' ? piece.line.offset : piece.offset)
