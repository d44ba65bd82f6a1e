import { UsageError } from '../arguments.ts'

const timestamp = /\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?/
/** More would not fit into the memory of a small machine beside everything else. */
const most = 50_000_000

/**
 * When messages arrive, in ms from the first second of the trace, sorted. Either CSV lines `seconds,count`, the count spread evenly to the
 * next line's second (the last one over a second), or lines that each hold a timestamp, as a log does: one message each.
 * @throws UsageError naming the line
 */
export function readArrivals(text: string, file: string): Float64Array {
  const lines = text.split('\n').map((line, index) => ({ line: line.trim(), at: `${file}:${index + 1}` }))
  const filled = lines.filter(({ line }) => line !== '' && !line.startsWith('#') && line !== 'seconds,count')
  if (filled.length === 0)
    throw new UsageError(`${file} holds no arrivals; expected lines seconds,count or with a timestamp`)
  return filled.every(({ line }) => !timestamp.test(line)) ? fromCounts(filled) : fromTimestamps(filled)
}

type Line = { readonly line: string; readonly at: string }

function fromCounts(lines: readonly Line[]): Float64Array {
  const rows = lines.map(({ line, at }) => {
    const [seconds, count] = line.split(',').map(Number)
    const fits = seconds !== undefined && count !== undefined && seconds >= 0 && Number.isInteger(count) && count >= 0
    if (!fits) throw new UsageError(`${at}: ${JSON.stringify(line)}; expected seconds,count such as 60,120`)
    return { seconds, count, at }
  })
  const total = rows.reduce((sum, { count }) => sum + count, 0)
  if (total > most) throw new UsageError(`the trace has ${total} messages; at most ${most} are simulated one by one`)
  const times = new Float64Array(total)
  let next = 0
  for (const [index, { seconds, count, at }] of rows.entries()) {
    const end = rows[index + 1]?.seconds ?? seconds + 1
    if (end < seconds) throw new UsageError(`${at}: the next line goes back in time; expected rising seconds`)
    for (let i = 0; i < count; i++) times[next++] = (seconds + ((end - seconds) * i) / count) * 1000
  }
  return times
}

function fromTimestamps(lines: readonly Line[]): Float64Array {
  const times = lines.flatMap(({ line }) => {
    const found = timestamp.exec(line)?.[0]
    // A line without one, such as one of a stack, belongs to the line before.
    return found === undefined ? [] : [Date.parse(found.replace(' ', 'T').replace(',', '.'))]
  })
  const first = times.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)
  return Float64Array.from(times, (time) => time - first).sort()
}
