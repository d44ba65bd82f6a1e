import type { Counters, Instruments } from '../ports.ts'

const zero: Counters = {
  sent: 0,
  confirmed: 0,
  skipped: 0,
  unroutable: 0,
  received: 0,
  redelivered: 0,
  acked: 0,
  repeated: 0,
  retried: 0,
  dead: 0,
  handedBack: 0,
  lost: 0,
  reconnects: 0,
}

/** Totals in plain variables, each from 0. `changed` is called after every change. */
export function countingInstruments(changed: () => void = () => {}): Instruments {
  const counters = { ...zero }
  return {
    counters,
    add(name, n = 1) {
      counters[name] += n
      changed()
    },
  }
}
