import type { Bar, PhasedBar } from './picture.ts'
import type { Result } from './result.ts'

/** What the picture shows of the sides of a row. */
const named: Readonly<Record<string, string>> = {
  naive: 'naive loop',
  amqplib: 'bare amqplib',
  c: 'C pair (no sync)',
  kedafn: 'kedafn',
  packed: 'kedafn, packed',
}

export function throughputOf(results: readonly Result[]): readonly Bar[] {
  return ['quorum', 'classic'].flatMap((type) => {
    const sides = results.find(({ name }) => name === `pipeline-${type}`)?.sides ?? {}
    return Object.entries(named).flatMap(([side, label]) => {
      const value = sides[side]?.rate?.median
      return value === undefined ? [] : { label: `${label}, ${type}`, value }
    })
  })
}

/** From the phases' ends, which are metrics of the row, to their lengths. */
const phases = [
  ['start of Node', 'helloMs'],
  ['bundle, to the socket', 'connectMs'],
  ['login, to open', 'openMs'],
  ['channel, topology, consume', 'consumeMs'],
  ['delivery, handler, ack', 'ms'],
] as const

export function coldStartOf(results: readonly Result[]): readonly PhasedBar[] {
  const sides = results.find(({ name }) => name === 'cold-start')?.sides ?? {}
  const helloMs = sides.hello?.ms?.median ?? 0
  return Object.entries(sides).map(([label, metrics]) => {
    let last = 0
    const parts = phases.flatMap(([name, metric]) => {
      const end = metric === 'helloMs' ? helloMs : (metrics[metric]?.median ?? Number.NaN)
      if (Number.isNaN(end) || (metric === 'ms' && label === 'hello')) return []
      const ms = end - last
      last = Math.max(last, end)
      return { name, ms }
    })
    return { label, phases: parts }
  })
}
