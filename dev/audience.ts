import type { BrokerState } from './broker-switch.ts'
import type { Live } from './live.ts'
import type { ScalingEvent } from './scaling-run.ts'
import type { Shown } from './shown.ts'

/** Who is told what happens: the terminal or a script, and the page, if there is one. */
export class Audience {
  /** null: there is no page, or not yet. */
  live: Live | null = null
  readonly #screen: Shown

  constructor(screen: Shown) {
    this.#screen = screen
  }

  readonly say = (line: string): void => this.#screen.say(line)

  readonly warn = (text: string): void => {
    this.#screen.warn(text)
    this.live?.note('warning', text)
  }

  readonly decided = (event: ScalingEvent): void => {
    const { target, before, replicas, turn, reason } = event
    if (before !== replicas) {
      const scaled = { event: 'scale', function: target, before, replicas, by: turn, reason } as const
      this.#screen.event(scaled, [`${target}: ${before} -> ${replicas}, ${reason}`])
    }
    this.live?.decided(event)
  }

  readonly brokerIs = (broker: BrokerState): void => this.live?.change({ broker })
}
