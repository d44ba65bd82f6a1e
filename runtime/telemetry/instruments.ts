import { Measurements } from '../core/measurements.ts'
import type { Counters, Instruments } from '../ports.ts'

/** Plain variables behind the port, each from 0. `changed` is called after every change of a total. */
export function countingInstruments(
  changed: (counters: Counters) => void = () => {},
  measurements: Measurements = new Measurements(),
): Instruments {
  const { counters } = measurements
  return {
    counters,
    add(name, n = 1) {
      counters[name] += n
      changed(counters)
    },
    count: (name, n, label) => measurements.count(name, n, label),
    record: (name, value, label, times) => measurements.record(name, value, label, times),
    observe: (name, read, label) => measurements.observe(name, read, label),
  }
}
