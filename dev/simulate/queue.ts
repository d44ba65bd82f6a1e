export interface Pod {
  readonly number: number
  readonly startedMs: number
  state: 'starting' | 'ready' | 'draining'
  /** Prefetched, not begun. */
  readonly held: number[]
  /** Handlers at work. */
  busy: number
  readonly running: Set<number[]>
  unacknowledged: number
}

interface Limits {
  readonly prefetch: number
}

/** A queue whose messages are numbers, given out in turn to the consumers that have room in their prefetch. */
export class SimulatedQueue {
  readonly #prefetch: number
  readonly #begin: (pod: Pod) => void
  /** A list with its head at `#head`. */
  #waiting: number[] = []
  #head = 0
  /** Handed back: they come before what waits. */
  #returned: number[] = []
  #consumers: Pod[] = []
  #turn = 0
  unacknowledged = 0

  constructor({ prefetch }: Limits, begin: (pod: Pod) => void) {
    this.#prefetch = prefetch
    this.#begin = begin
  }

  get ready(): number {
    return this.#waiting.length - this.#head + this.#returned.length
  }

  newPod(number: number, startedMs: number): Pod {
    return { number, startedMs, state: 'starting', held: [], busy: 0, running: new Set(), unacknowledged: 0 }
  }

  add(message: number): void {
    this.#waiting.push(message)
    if (this.#consumers.length > 0) this.#deliver()
  }

  join(pod: Pod): void {
    this.#consumers.push(pod)
    this.#deliver()
  }

  acknowledge(pod: Pod, count: number): void {
    pod.unacknowledged -= count
    this.unacknowledged -= count
    if (pod.state === 'ready') {
      this.#deliver()
      this.#begin(pod)
    }
  }

  /** Takes no more, and gives back what is not begun. */
  drain(pod: Pod): void {
    this.#consumers = this.#consumers.filter((other) => other !== pod)
    this.#giveBack(pod, pod.held.splice(0))
  }

  /** Gives back what runs, too. */
  kill(pod: Pod): void {
    for (const batch of pod.running) this.#giveBack(pod, batch)
    pod.running.clear()
  }

  #giveBack(pod: Pod, messages: readonly number[]): void {
    pod.unacknowledged -= messages.length
    this.unacknowledged -= messages.length
    this.#returned = [...messages, ...this.#returned]
    this.#deliver()
  }

  #deliver(): void {
    const given = new Set<Pod>()
    let full = 0
    while (this.ready > 0 && full < this.#consumers.length) {
      this.#turn = (this.#turn + 1) % this.#consumers.length
      const pod = this.#consumers[this.#turn]
      if (!pod || pod.unacknowledged >= this.#prefetch) {
        full++
        continue
      }
      full = 0
      pod.held.push(this.#take())
      pod.unacknowledged++
      this.unacknowledged++
      given.add(pod)
    }
    for (const pod of given) this.#begin(pod)
  }

  #take(): number {
    const returned = this.#returned.shift()
    if (returned !== undefined) return returned
    const message = this.#waiting[this.#head++] ?? 0
    if (this.#head > 4096 && this.#head * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#head)
      this.#head = 0
    }
    return message
  }
}
