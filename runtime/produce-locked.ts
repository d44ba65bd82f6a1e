import { FnError } from './core/errors.ts'
import type { CheckpointStore, Log, Publisher } from './ports.ts'
import { WatchedStore } from './watched-store.ts'

/** A producer's loop, over one source or many. It closes its publisher when it ends. */
export interface Loop {
  run(): Promise<void>
  drain(): void
}

/** The checkpoints of one turn at the source, as long as somebody uses them: of many files most come and go. */
export class Checkpoints {
  #stores: WeakRef<WatchedStore>[] = []

  watch(store: CheckpointStore, checkBeforeSave: boolean): CheckpointStore {
    const watched = new WatchedStore(store, checkBeforeSave)
    this.#stores = [...this.#stores.filter((other) => other.deref()), new WeakRef(watched)]
    return watched
  }

  /**
   * For each session that has the lock: one that was lost may have let another producer work in between.
   * @throws FnError FN_TAKEN_OVER
   */
  readonly admit = async (): Promise<void> => {
    for (const store of this.#stores) await store.deref()?.check()
  }
}

/** One turn at the source, from the lock on. */
export interface Turn {
  readonly publisher: Publisher
  /** Called when the publisher is ready, so with the lock: reads the checkpoint and opens the source there. */
  begin(): Promise<Loop>
}

/**
 * A producer that waits for its turn, and that begins anew, in the same process, when it finds that another one took over:
 * what it had read and not sent is the other one's to send. And when the queue was gone under it: then it is its own to send again.
 */
export class TurnTaking implements Loop {
  readonly #open: () => Turn
  readonly #log: Log
  #draining = false
  #loop: Loop | null = null
  #stopWaiting: () => void = () => {}

  constructor(open: () => Turn, log: Log) {
    this.#open = open
    this.#log = log
  }

  async run(): Promise<void> {
    while (!this.#draining) {
      try {
        await this.#take(this.#open())
        return
      } catch (error) {
        if (!(error instanceof FnError)) throw error
        if (error.code === 'FN_TAKEN_OVER') {
          this.#log.info('another producer took over: waiting for the next turn', { error })
        } else if (error.code === 'FN_QUEUE_GONE') {
          this.#log.warn('what was sent since the last checkpoint is sent again', { error })
        } else throw error
      }
    }
  }

  drain(): void {
    this.#draining = true
    this.#stopWaiting()
    this.#loop?.drain()
  }

  async #take({ publisher, begin }: Turn): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      this.#stopWaiting = resolve
    })
    try {
      await Promise.race([publisher.ready, publisher.failed, stopped])
      if (this.#draining) return
      const opening = begin().then((loop) => this.#run(loop))
      // Told to stop before there is a loop: closing the publisher ends what waits for the broker.
      await Promise.race([opening, stopped])
      if (this.#loop === null) await publisher.close()
      await opening
    } catch (error) {
      if (!this.#draining || this.#loop !== null) throw error
    } finally {
      this.#loop = null
      await publisher.close()
    }
  }

  async #run(loop: Loop): Promise<void> {
    this.#loop = loop
    if (this.#draining) loop.drain()
    await loop.run()
  }
}
