import { UsageError } from '../arguments.ts'
import { takeLock } from '../lock.ts'

/** A broker that somebody may use, whoever runs it. */
export interface BrokerHandle {
  /** AMQP address, or the list of them that a person gave; the vhost is `/` unless that names another. */
  readonly url: string
  /** Base of the management's HTTP API with user and password, or null when it is not known (a person named the broker). */
  readonly managementUrl: string | null
  /** In words: `rabbitmq-server 3.10.8, private, 127.0.0.1:21427`. */
  readonly description: string
  /** True if it was started here: `stop()` stops it. */
  readonly owned: boolean
  /** Settles when the broker that runs now ends by itself; never for a foreign one, nor after `stop()`. */
  readonly ended: Promise<void>
  /** Stops it; its data stay. Safe to repeat, nothing for a foreign one. */
  stop(): Promise<void>
  /**
   * Starts it again on the same ports with the same data, whether it was stopped, ended by itself or still runs.
   * @throws Error for a foreign broker, or if it does not start
   */
  restart(): Promise<void>
}

/** One life of a broker. */
export interface BrokerLife {
  readonly url: string
  readonly managementUrl: string
  /** With the version that the broker itself tells. */
  readonly description: string
  /** Settles when it is gone, for whatever reason. */
  readonly exited: Promise<void>
  stop(): Promise<void>
}

/** Starts a broker and waits until it answers. Each life has the ports and the data of the one before. */
export type Launch = (signal: AbortSignal) => Promise<BrokerLife>

/** The broker at an address that the user gave. */
export function foreignBroker(url: string, shownAddress: string): BrokerHandle {
  return {
    url,
    managementUrl: null,
    description: `at ${shownAddress}`,
    owned: false,
    ended: new Promise(() => {}),
    stop: async () => {},
    restart: async () => {
      throw new Error('a broker that AMQP_URL names was not started here and cannot be started again')
    },
  }
}

/** A broker started here, through all its lives. Stopping and starting never overlap. */
export class OwnedBroker implements BrokerHandle {
  readonly owned = true
  url = ''
  managementUrl = ''
  description = ''
  readonly #folder: string
  readonly #launch: Launch
  #life: BrokerLife | null = null
  #ended: Promise<void> = new Promise(() => {})
  #launching: AbortController | null = null
  #last: Promise<unknown> = Promise.resolve()
  #unlock: (() => void) | null = null

  /** @param folder holds the broker's data; one process at a time may run a broker on them */
  constructor(folder: string, launch: Launch) {
    this.#folder = folder
    this.#launch = launch
  }

  get ended(): Promise<void> {
    return this.#ended
  }

  /** @param signal gives the start up; what was started is gone when this rejects */
  start(signal?: AbortSignal): Promise<void> {
    return this.#inTurn(() => this.#start(signal))
  }

  stop(): Promise<void> {
    this.#launching?.abort(new Error('the broker was stopped while it started'))
    return this.#inTurn(() => this.#stop())
  }

  restart(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#endLife()
      await this.#start()
    })
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(step)
    this.#last = turn.catch(() => {})
    return turn
  }

  async #start(signal?: AbortSignal): Promise<void> {
    const launching = new AbortController()
    this.#launching = launching
    try {
      this.#unlock ??= lock(this.#folder)
      const life = await this.#launch(signal ? AbortSignal.any([signal, launching.signal]) : launching.signal)
      this.#begin(life)
    } catch (error) {
      this.#release()
      throw error
    } finally {
      this.#launching = null
    }
  }

  #begin(life: BrokerLife): void {
    const { url, managementUrl, description, exited } = life
    Object.assign(this, { url, managementUrl, description })
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#ended = promise
    this.#life = life
    void exited.then(() => {
      // Whoever stops it takes it away first: such an end is not its own doing.
      if (this.#life !== life) return
      this.#life = null
      resolve()
    })
  }

  async #stop(): Promise<void> {
    await this.#endLife()
    this.#release()
  }

  async #endLife(): Promise<void> {
    const life = this.#life
    this.#life = null
    await life?.stop()
  }

  #release(): void {
    this.#unlock?.()
    this.#unlock = null
  }
}

function lock(folder: string): () => void {
  try {
    return takeLock(folder)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    throw new UsageError(
      `another process runs the broker of ${folder}; stop that one first, or share a broker by setting AMQP_URL for both`,
    )
  }
}
