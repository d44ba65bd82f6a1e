import { noCounters } from '../core/counters.ts'
import type { Counters, Instruments } from '../ports.ts'

/** Totals in plain variables, each from 0. `changed` is called after every change. */
export function countingInstruments(changed: (counters: Counters) => void = () => {}): Instruments {
  const counters = { ...noCounters }
  return {
    counters,
    add(name, n = 1) {
      counters[name] += n
      changed(counters)
    },
  }
}
