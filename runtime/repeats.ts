import { header } from './core/headers.ts'
import { RecentMessages } from './core/recent.ts'
import type { Job } from './settlement.ts'

/** Far more than a window and a prefetch: a copy that comes again is behind the first one by no more than these. */
const remembered = 20_000

/**
 * Tells copies that come again because an ack or a confirm was lost with its session, or because a producer died before its
 * checkpoint. Only copies that may be such are looked up, so a message that somebody sends once more on purpose is handled once more.
 */
export class Repeats {
  readonly #done = new RecentMessages(remembered)
  /** What is in a handler, by id, with the copies that wait for how it ends. */
  readonly #inHands = new Map<string, Job[]>()

  /** Splits what is about to be handled: `fresh` is to be, `repeats` are done already; the rest waits for {@link end}. */
  begin(jobs: readonly Job[]): { readonly fresh: readonly Job[]; readonly repeats: readonly Job[] } {
    const fresh: Job[] = []
    const repeats: Job[] = []
    for (const job of jobs) {
      const { messageId, redelivered, headers, body } = job.raw
      const mayRepeat = messageId !== '' && (redelivered || headers[header.mayRepeat] === true)
      const twins = this.#inHands.get(messageId)
      if (mayRepeat && twins) twins.push(job)
      else if (mayRepeat && this.#done.has(messageId, body)) repeats.push(job)
      else {
        fresh.push(job)
        if (messageId !== '' && !twins) this.#inHands.set(messageId, [])
      }
    }
    return { fresh, repeats }
  }

  /** The effect of these is done. */
  done(jobs: readonly Job[]): void {
    for (const { raw } of jobs) if (raw.messageId !== '') this.#done.add(raw.messageId, raw.body)
  }

  /** These are out of the handler's hands. Returns the copies that waited for them, in their order. */
  end(jobs: readonly Job[]): readonly Job[] {
    const waited: Job[] = []
    for (const { raw } of jobs) {
      waited.push(...(this.#inHands.get(raw.messageId) ?? []))
      this.#inHands.delete(raw.messageId)
    }
    return waited
  }

  /** Takes out the copies that wait: they are handed back or come again. */
  clear(): readonly Job[] {
    return [...this.#inHands.values()].flatMap((twins) => twins.splice(0))
  }
}
