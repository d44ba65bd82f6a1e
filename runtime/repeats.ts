import { header } from './core/headers.ts'
import { RecentMessages } from './core/recent.ts'
import type { Job } from './settlement.ts'

/** Far more than a window and a prefetch: a copy that comes again is behind the first one by no more than these. */
const remembered = 20_000

/** What one handler has in its hands, and the copies that wait for how that ends. */
class Hold {
  readonly jobs: Job[] = []
  waiting: Job[] = []
  readonly #ids = new Set<string>()
  #indexed = 0

  /** n.b. indexed when asked: most are never asked, and putting each delivery's id into a set is felt. */
  has(id: string): boolean {
    for (; this.#indexed < this.jobs.length; this.#indexed++) this.#ids.add((this.jobs[this.#indexed] as Job).id)
    return this.#ids.has(id)
  }
}

/**
 * Tells copies that come again because an ack or a confirm was lost with its session, or because a producer died before its
 * checkpoint. Only copies that may be such are looked up, so a message that somebody sends once more on purpose is handled once more;
 * one that says it is a replay, as often as it comes.
 */
export class Repeats {
  readonly #done = new RecentMessages(remembered)
  /** What is in handlers, each under the list that {@link begin} gave out. */
  readonly #holds = new Map<readonly Job[], Hold>()

  /** Splits what is about to be handled: `fresh` is to be, `repeats` are done already; the rest waits for {@link end}. */
  begin(jobs: readonly Job[]): { readonly fresh: readonly Job[]; readonly repeats: readonly Job[] } {
    const hold = new Hold()
    const repeats: Job[] = []
    this.#holds.set(hold.jobs, hold)
    for (const job of jobs) {
      const { id, bytes, raw } = job
      const { redelivered, headers } = raw
      // n.b. what is replayed has the id of what was done long ago: without this a second delivery of it would not be handled.
      const mayRepeat =
        id !== '' && (redelivered || headers[header.mayRepeat] === true) && headers[header.replay] === undefined
      const first = mayRepeat ? this.#holdOf(id) : undefined
      if (first) first.waiting.push(job)
      else if (mayRepeat && this.#done.has(id, bytes)) repeats.push(job)
      else hold.jobs.push(job)
    }
    return { fresh: hold.jobs, repeats }
  }

  /** The effect of these is done. */
  done(jobs: readonly Job[]): void {
    for (let at = 0; at < jobs.length; at++) {
      const { id, bytes, raw, of } = jobs[at] as Job
      if (of > 1 && isWhole(jobs, at) && this.#done.addPacked(id, raw.body, of)) at += of - 1
      else if (id !== '') this.#done.add(id, bytes)
    }
  }

  /** `fresh`, as {@link begin} gave it, is out of the handler's hands. Returns the copies that waited for it, in their order. */
  end(fresh: readonly Job[]): readonly Job[] {
    const waited = this.#holds.get(fresh)?.waiting ?? []
    this.#holds.delete(fresh)
    return waited
  }

  /** Takes out the copies that wait: they are handed back or come again. */
  clear(): readonly Job[] {
    return [...this.#holds.values()].flatMap((hold) => hold.waiting.splice(0))
  }

  #holdOf(id: string): Hold | undefined {
    for (const hold of this.#holds.values()) if (hold.has(id)) return hold
    return undefined
  }
}

/** Whether all that came in one message stands here, one behind the other. */
function isWhole(jobs: readonly Job[], at: number): boolean {
  const { raw, of } = jobs[at] as Job
  for (let next = at + of - 1; next > at; next--) if (jobs[next]?.raw !== raw) return false
  return true
}
