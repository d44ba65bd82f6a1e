import { readFileSync } from 'node:fs'

/** n.b. USER_HZ, in which Linux tells processor times to every program, is 100 on all of Node's platforms. */
const ticksPerSecond = 100
/** A shorter time says nothing: it would be a tick or two. */
const shortestMs = 1000

interface Sample {
  readonly ticks: number
  readonly atMs: number
  readonly usedMilli: number | null
}

/** False where nobody tells what a process uses, as on macOS: then nothing can be scaled by it. */
export const knowsCpuUsage = (): boolean => ticksOf(process.pid) !== null

/**
 * Tells what processes use, in thousandths of a core, since they were asked about before; null at first, and where it is not known.
 */
export function cpuUsage(): (pid: number) => number | null {
  const samples = new Map<number, Sample>()
  return (pid) => {
    const ticks = ticksOf(pid)
    if (ticks === null) {
      samples.delete(pid)
      return null
    }
    const atMs = performance.now()
    const before = samples.get(pid)
    if (before && atMs - before.atMs < shortestMs) return before.usedMilli
    const usedMilli = before ? ((ticks - before.ticks) / ticksPerSecond / (atMs - before.atMs)) * 1_000_000 : null
    samples.set(pid, { ticks, atMs, usedMilli })
    return usedMilli
  }
}

/** User's and system's time of a process. */
function ticksOf(pid: number): number | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name may hold anything; behind its last parenthesis the fields are numbered from 3.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return Number(fields[11]) + Number(fields[12])
  } catch {
    return null
  }
}
