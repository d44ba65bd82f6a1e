import type { Channel, ChannelModel } from 'amqplib'
import { reconnectDelayMs } from '../core/backoff.ts'
import type { BrokerAddress, BrokerConfig } from '../core/config.ts'
import { describe, type FnError } from '../core/errors.ts'
import { Rotation } from '../core/rotation.ts'
import type { Clock, Health, Instruments, Log, Random, SessionReports } from '../ports.ts'
import { adviceOn, fatalError, isVhostRefusal, type Stage, sessionEndOf } from './failures.ts'
import { closeConnection, handshakeTimeoutMs, type OpenOptions, openConnection } from './open.ts'

export interface Connecting {
  /** Asked before each connection: what stands in files may have changed. */
  readonly broker: () => BrokerConfig
  /** Shown in the broker's list of connections. */
  readonly connectionName: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly instruments: Instruments
  readonly health: Health
  /** A broker that is silent for two to three of these is taken for dead, in s. @default 10 */
  readonly heartbeatS?: number
}

/** With several brokers a silent one must not hold us up; doubled with each round that fails. */
const firstTimeoutMs = 500
/** A session that lived this long was a good one: the next reconnect begins with the shortest delay again. */
const settledMs = 5000
/** A vhost may be refused for a moment while a broker goes down or comes up. */
const vhostRefusals = 5

/** One life of a session: from a fresh connection to the first thing that ends it. */
export class Life {
  #resolve: (error: unknown) => void = () => {}
  /** Resolves with what ended it. */
  readonly ended: Promise<unknown> = new Promise((resolve) => {
    this.#resolve = resolve
  })
  over = false

  end(cause: unknown): void {
    if (this.over) return
    this.over = true
    this.#resolve(cause)
  }

  /** `work`, or a rejection as soon as the life ends: a reply on a dead connection may never come. */
  async guard<T>(work: Promise<T>): Promise<T> {
    const lost = this.ended.then((cause) => {
      throw cause
    })
    lost.catch(() => {})
    return Promise.race([work, lost])
  }

  /**
   * Ends with whatever ends the channel, until the returned function is called.
   * n.b. an `error` without a listener would close the whole connection.
   */
  watch(channel: Channel): () => void {
    let watching = true
    channel.on('error', (error) => watching && this.end(error))
    // The connection's own close comes right behind that of its channels, and knows the cause.
    channel.on('close', () => queueMicrotask(() => watching && this.end('the channel was closed')))
    return () => {
      watching = false
    }
  }
}

/**
 * Holds one connection open: connects, calls `open`, and when anything ends that life (connection or channel closed,
 * consumer cancelled, publish refused) destroys the socket and begins anew with full jitter. Only an error that a person
 * must mend ends the session itself.
 */
export class Session {
  readonly #with: Connecting
  readonly #open: (connection: ChannelModel, life: Life) => Promise<void>
  #stopped = false
  #blockedSince: number | null = null
  readonly #endReading: () => void
  #life: Life | null = null
  #connection: ChannelModel | null = null
  #wake: () => void = () => {}
  #running: Promise<void> | null = null
  #closing: Promise<void> | null = null
  #fail: (error: FnError) => void = () => {}
  /** Rejects with the fatal error, if there ever is one. */
  readonly failed: Promise<never> = new Promise((_resolve, reject) => {
    this.#fail = reject
  })

  /** `open` tells when what it opened works; all else about the session's health is told here. */
  readonly health: SessionReports

  /** @param role tells this session from the others of the process */
  constructor(connecting: Connecting, role: string, open: (connection: ChannelModel, life: Life) => Promise<void>) {
    this.#with = connecting
    this.#open = open
    this.health = connecting.health.session(role)
    this.failed.catch(() => {})
    this.#endReading = connecting.instruments.observe('kedafn.broker.blocked', () => this.#blockedS(connecting.clock))
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** No further life begins. The present one goes on until it ends by itself or by {@link close}. */
  stopReconnecting(): void {
    this.#stopped = true
    this.#wake()
  }

  /**
   * Ends the present life, politely if it still lives: `farewell`, then the connection's close. Then the session. Within a
   * little over a second. Never rejects.
   */
  close(farewell?: () => Promise<unknown>): Promise<void> {
    this.#closing ??= this.#close(farewell)
    return this.#closing
  }

  async #close(farewell?: () => Promise<unknown>): Promise<void> {
    this.stopReconnecting()
    const life = this.#life
    if (this.#connection && !life?.over) await closeConnection(this.#connection, this.#with.clock, farewell)
    life?.end('closed by us')
    await this.#running
    this.#endReading()
    this.health.ended()
  }

  /** Ends the session for good with an error. */
  abort(error: FnError): void {
    this.#stopped = true
    this.#fail(error)
    this.health.ended()
    this.#life?.end(error)
    this.#wake()
  }

  async #run(): Promise<void> {
    const { clock, random, log, instruments } = this.#with
    const rotation = new Rotation(random)
    let attempt = 0
    let refusals = 0
    let fatal: FnError | null = null
    while (!this.#stopped) {
      const begun = clock.monotonic()
      const { addresses, tls } = this.#with.broker()
      const count = addresses.length
      const address = addresses[rotation.take(count)]
      if (!address) throw new TypeError('a session needs an address')
      const timeoutMs = count === 1 ? handshakeTimeoutMs : Math.min(handshakeTimeoutMs, firstTimeoutMs * 2 ** attempt)
      const { cause, stage } = await this.#live(address, { tls, timeoutMs })
      if (this.#stopped) break
      refusals = isVhostRefusal(cause) ? refusals + 1 : 0
      fatal ??= fatalError(cause, stage, address, refusals >= vhostRefusals)
      if (stage === 'connecting' && !rotation.failed(count)) {
        log.warn('no connection to this broker; trying the next', { broker: address.hostname, cause: describe(cause) })
        continue
      }
      if (stage !== 'connecting') rotation.succeeded()
      if (fatal) {
        this.abort(fatal)
        break
      }
      if (clock.monotonic() - begun > settledMs) attempt = 0
      const delayMs = reconnectDelayMs(attempt++, random)
      if (stage === 'open') {
        instruments.add('reconnects')
        instruments.count('kedafn.broker.reconnects', 1, sessionEndOf(cause))
      }
      const advice = adviceOn(cause)
      const words = { cause: describe(cause), ...(advice === null ? {} : { advice }) }
      this.health.away(advice === null ? words.cause : `${words.cause}. ${advice}`)
      log.warn('no session with the broker; trying again', { ...words, delayMs: Math.round(delayMs) })
      await this.#sleep(delayMs)
    }
  }

  /** One life, from connecting to its end. */
  async #live(
    address: BrokerAddress,
    options: Pick<OpenOptions, 'tls' | 'timeoutMs'>,
  ): Promise<{ cause: unknown; stage: Stage }> {
    const life = new Life()
    this.#life = life
    const { connectionName, heartbeatS } = this.#with
    const socket = new AbortController()
    let stage: Stage = 'connecting'
    try {
      const connection = await life.guard(
        openConnection(address, connectionName, { ...options, signal: socket.signal, heartbeatS }),
      )
      this.#connection = connection
      connection.on('error', (error) => life.end(error))
      connection.on('close', (error?: unknown) => life.end(error ?? 'the connection was closed'))
      connection.on('blocked', (reason: string) => this.#blocked(life, reason))
      connection.on('unblocked', () => this.#blocked(life, null))
      stage = 'opening'
      await life.guard(this.#open(connection, life))
      stage = 'open'
      return { cause: await life.ended, stage }
    } catch (error) {
      life.end(error)
      return { cause: error, stage }
    } finally {
      socket.abort()
      this.#connection = null
      this.#countBlocked()
    }
  }

  #blocked(life: Life, reason: string | null): void {
    if (life.over) return
    this.#countBlocked()
    if (reason !== null) this.#blockedSince = this.#with.clock.monotonic()
    this.health.blocked(reason)
    if (reason === null) this.#with.log.info('the broker takes messages again')
    else this.#with.log.warn('the broker blocks publishing', { reason })
  }

  /** Ends the time for which the broker blocked this connection, if it did. */
  #countBlocked(): void {
    const { clock, instruments } = this.#with
    if (this.#blockedSince !== null) instruments.count('kedafn.broker.blocked', this.#blockedS(clock))
    this.#blockedSince = null
  }

  #blockedS(clock: Clock): number {
    return this.#blockedSince === null ? 0 : (clock.monotonic() - this.#blockedSince) / 1000
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#stopped) return
    let cancelTimer = () => {}
    await new Promise<void>((resolve) => {
      this.#wake = resolve
      cancelTimer = this.#with.clock.after(ms, resolve)
    })
    cancelTimer()
  }
}
