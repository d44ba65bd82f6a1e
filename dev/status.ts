import { styleText } from 'node:util'

/** All that the status line says, at one moment. */
export interface Snapshot {
  readonly queues: readonly QueueStatus[]
  readonly sent: number
  readonly confirmed: number
  /** Lines that are in the output for good. */
  readonly written: number
  readonly dead: number
  readonly linesPerSecond: number
  /** How long the line waited that was written last; null: none is on its way, or it is not known. */
  readonly waitedMs: number | null
  /** Of all processes, since the begin. */
  readonly restarts: number
  /** Set while something else than running is going on. */
  readonly phase: string | null
}

export interface QueueStatus {
  readonly name: string
  /** null: the broker cannot be asked at the moment. */
  readonly ready: number | null
  readonly unacked: number
  readonly retrying: number
  /** Processes of ours, those that drain included. */
  readonly consumers: number
  /** How many there are to be. */
  readonly wanted: number
}

interface Segment {
  readonly text: string
  /** The highest is left out first when the terminal is too narrow. */
  readonly rank: number
  readonly style: 'bold' | 'red' | 'yellow' | null
}

export const count = (n: number): string => Math.round(n).toLocaleString('en-US')
export const counted = (n: number, noun: string, plural = `${noun}s`): string =>
  `${count(n)} ${n === 1 ? noun : plural}`

const gap = '  '

/** The status on one line of at most `columns` characters. */
export function statusLine(snapshot: Snapshot, { columns, colour }: { columns: number; colour: boolean }): string {
  let segments = segmentsOf(snapshot)
  const width = () => segments.reduce((sum, { text }) => sum + text.length + gap.length, -gap.length)
  while (segments.length > 1 && width() > columns) {
    const last = Math.max(...segments.map(({ rank }) => rank))
    segments = segments.filter(({ rank }) => rank !== last)
  }
  return segments
    .map(({ text, style }) => {
      const cut = text.slice(0, columns)
      return colour && style ? styleText(style, cut, { validateStream: false }) : cut
    })
    .join(gap)
}

function segmentsOf(snapshot: Snapshot): readonly Segment[] {
  const { queues, sent, confirmed, written, dead, linesPerSecond, waitedMs, restarts, phase } = snapshot
  const plain = (rank: number, text: string): Segment => ({ rank, text, style: null })
  const away = queues.some(({ ready }) => ready === null)
  const retrying = queues.reduce((sum, queue) => sum + queue.retrying, 0)
  const consumers = queues.reduce((sum, queue) => sum + queue.consumers, 0)
  const wanted = queues.reduce((sum, queue) => sum + queue.wanted, 0)
  return [
    ...(phase === null ? [] : [{ rank: 1, text: phase, style: 'yellow' } as const]),
    ...(away ? [{ rank: 2, text: 'no broker', style: 'red' } as const] : []),
    ...queues.map((queue, at) => plain(at === 0 ? 3 : 11, queueText(queue))),
    ...(retrying > 0 ? [{ rank: 4, text: `${count(retrying)} to retry`, style: 'yellow' } as const] : []),
    plain(6, `sent ${count(sent)}`),
    plain(5, `confirmed ${count(confirmed)}`),
    { rank: 0, text: `written ${count(written)}`, style: 'bold' },
    ...(dead > 0 ? [{ rank: 1, text: `dead ${count(dead)}`, style: 'red' } as const] : []),
    plain(7, `${count(linesPerSecond)} lines/s`),
    ...(waitedMs === null ? [] : [plain(9, `waited ${(waitedMs / 1000).toFixed(1)} s`)]),
    plain(8, `${counted(consumers, 'consumer')}${wanted === consumers ? '' : `, ${count(wanted)} wanted`}`),
    ...(restarts > 0 ? [{ rank: 10, text: counted(restarts, 'restart'), style: 'yellow' } as const] : []),
  ]
}

const queueText = ({ name, ready, unacked }: QueueStatus): string =>
  `${name}: ${ready === null ? '?' : count(ready)} ready, ${count(unacked)} unacked`

/** Lines per second over the last two seconds. */
export class Rate {
  readonly #samples: { at: number; total: number }[] = []

  /** `now` in ms, from a clock that never goes back. */
  add(total: number, now: number): void {
    this.#samples.push({ at: now, total })
    while (this.#samples.length > 2 && now - (this.#samples[1]?.at ?? now) >= 2000) this.#samples.shift()
  }

  get perSecond(): number {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (!first || !last || last.at === first.at) return 0
    return ((last.total - first.total) * 1000) / (last.at - first.at)
  }
}

const printEveryMs = 1000

/** Without a terminal: each change, at most one a second, and always the last. */
export class ChangeKeeper {
  #shown = ''
  #shownAt = Number.NEGATIVE_INFINITY
  #pending: Snapshot | null = null

  /** To be called again and again; returns what is to be printed now, if anything is. */
  offer(snapshot: Snapshot, now: number): Snapshot | null {
    this.#pending = keyOf(snapshot) === this.#shown ? null : snapshot
    return now - this.#shownAt < printEveryMs ? null : this.flush(now)
  }

  /** The last state, if it was not printed yet. */
  flush(now: number): Snapshot | null {
    const pending = this.#pending
    if (!pending) return null
    this.#shown = keyOf(pending)
    this.#shownAt = now
    this.#pending = null
    return pending
  }
}

/** Speed and waiting change on their own: that is no change. */
const keyOf = (snapshot: Snapshot): string => JSON.stringify({ ...snapshot, linesPerSecond: 0, waitedMs: null })
