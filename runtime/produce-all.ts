import type { CheckpointStore, OutgoingMessage, Publisher, Source } from './ports.ts'
import { ProducerLoop, type Producing } from './produce.ts'

/** Finds the sources of a producer that has many. */
export interface SourceFinder {
  /** Names the next source; waits for it. `null`: there are no more, or `signal` fired. */
  next(signal: AbortSignal): Promise<string | null>
  /** Null if it is gone. */
  open(name: string): Promise<{ readonly source: Source; readonly store: CheckpointStore } | null>
  /** The source is complete, or was never opened. */
  ended(name: string): void
  close(): void
}

export interface ProducingAll extends Omit<Producing, 'source' | 'store'> {
  readonly finder: SourceFinder
}

/** A producer's loops over many sources, on one publisher: each source has its lines in order, and its own checkpoint. */
export class ProducerLoops {
  readonly #with: ProducingAll
  readonly #stop = new AbortController()
  readonly #loops = new Set<ProducerLoop>()
  readonly #running = new Set<Promise<void>>()
  #fail: (error: unknown) => void = () => {}
  readonly #failed: Promise<never> = new Promise((_resolve, reject) => {
    this.#fail = reject
  })

  constructor(producing: ProducingAll) {
    this.#with = producing
    this.#failed.catch(() => {})
  }

  /**
   * Runs until every source is complete or {@link drain} was called; then everything sent is confirmed and checkpointed.
   * @throws FnError what only a person can mend, in any of the sources
   */
  async run(): Promise<void> {
    const { finder, publisher } = this.#with
    try {
      await Promise.race([this.#failed, publisher.failed, this.#followAll()])
    } catch (error) {
      this.#fail(error)
      throw error
    } finally {
      this.drain()
      finder.close()
      await publisher.close()
      await Promise.all(this.#running)
    }
  }

  /** Reads no further. {@link run} ends once the confirms are there. */
  drain(): void {
    this.#stop.abort()
    for (const loop of this.#loops) loop.drain()
  }

  async #followAll(): Promise<void> {
    const { finder } = this.#with
    for (;;) {
      const name = await finder.next(this.#stop.signal)
      if (name === null) break
      const opened = await finder.open(name)
      if (opened) this.#follow(name, opened)
      else finder.ended(name)
    }
    await Promise.all(this.#running)
  }

  #follow(name: string, opened: { readonly source: Source; readonly store: CheckpointStore }): void {
    const { finder, publisher, ...rest } = this.#with
    const loop = new ProducerLoop({ ...rest, ...opened, publisher: new SharedPublisher(publisher, this.#failed) })
    this.#loops.add(loop)
    const done = loop.run().then(
      () => {
        this.#loops.delete(loop)
        this.#running.delete(done)
        finder.ended(name)
      },
      (error) => this.#fail(error),
    )
    this.#running.add(done)
    if (this.#stop.signal.aborted) loop.drain()
  }
}

/** One loop's part of a publisher: idle when what this loop published is confirmed, and not closed by it. */
class SharedPublisher implements Publisher {
  readonly #publisher: Publisher
  readonly #failed: Promise<never>
  #unconfirmed = 0
  #waitingForIdle: (() => void)[] = []

  /** @param failed rejects when any of the loops failed: all of them end then */
  constructor(publisher: Publisher, failed: Promise<never>) {
    this.#publisher = publisher
    this.#failed = failed
  }

  get ready(): Promise<void> {
    return this.#publisher.ready
  }
  get failed(): Promise<never> {
    return Promise.race([this.#publisher.failed, this.#failed])
  }
  room(): Promise<void> {
    return this.#publisher.room()
  }
  hasRoom(): boolean {
    return this.#publisher.hasRoom()
  }
  standing(): Promise<void> {
    return this.#publisher.standing()
  }
  unconfirmed(): number {
    return this.#unconfirmed
  }

  publish(message: OutgoingMessage, confirmed: () => void): void {
    this.#unconfirmed++
    this.#publisher.publish(message, () => {
      this.#unconfirmed--
      confirmed()
      if (this.#unconfirmed > 0) return
      for (const resolve of this.#waitingForIdle.splice(0)) resolve()
    })
  }

  idle(): Promise<void> {
    if (this.#unconfirmed === 0) return Promise.resolve()
    const idle = new Promise<void>((resolve) => this.#waitingForIdle.push(resolve))
    return Promise.race([this.failed, idle])
  }

  async close(): Promise<void> {}
}
