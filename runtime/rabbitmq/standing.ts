import type { ChannelModel } from 'amqplib'
import type { Life } from './connection.ts'

/** A connection that stands, and its life. */
export interface Standing {
  readonly connection: ChannelModel
  readonly life: Life
}

/** The session at hand, for whoever needs one and has to wait until there is one. */
export class StandingPlace {
  #now: Standing | null = null
  #error: unknown = null
  #waiting: { resolve(standing: Standing): void; reject(error: unknown): void }[] = []

  set(standing: Standing): void {
    if (standing.life.over) return
    this.#now = standing
    void standing.life.ended.then(() => {
      if (this.#now === standing) this.#now = null
    })
    for (const { resolve } of this.#waiting.splice(0)) resolve(standing)
  }

  /** The session that stands, or the next one. Rejects once there will be none. */
  get(): Promise<Standing> {
    if (this.#error !== null) return Promise.reject(this.#error)
    if (this.#now && !this.#now.life.over) return Promise.resolve(this.#now)
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  /** There will be no more. The first reason stays. */
  end(error: unknown): void {
    this.#error ??= error
    for (const { reject } of this.#waiting.splice(0)) reject(this.#error)
  }
}
