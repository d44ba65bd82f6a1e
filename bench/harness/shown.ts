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

const coldStarts: Readonly<Record<string, string>> = {
  hello: 'node, hello',
  raw: 'AMQP by hand',
  uncached: 'kedafn, no code cache',
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
  ['bundle', 'connectMs'],
  ['login', 'openMs'],
  ['topology, consume', 'consumeMs'],
  ['delivery to ack', 'ms'],
] as const

export function coldStartOf(results: readonly Result[]): readonly PhasedBar[] {
  const sides = results.find(({ name }) => name === 'cold-start')?.sides ?? {}
  const helloMs = sides.hello?.ms?.median
  if (helloMs === undefined) return []
  return ['hello', 'raw', 'uncached', 'kedafn'].flatMap((label) => {
    const metrics = sides[label]
    if (metrics === undefined) return []
    // Each process starts as hello does, or sooner.
    let last = Math.min(helloMs, metrics.connectMs?.median ?? helloMs)
    const parts = [{ name: 'Node', ms: last }]
    for (const [name, metric] of phases) {
      const end = metrics[metric]?.median
      if (end === undefined || label === 'hello') continue
      parts.push({ name, ms: Math.max(0, end - last) })
      last = Math.max(last, end)
    }
    return { label: coldStarts[label] ?? label, phases: parts }
  })
}
