import type { Comparison } from './compare.ts'
import type { Depth } from './queue-depth.ts'
import { count, counted } from './status.ts'

export interface RunFacts {
  /** The run was to end by itself. */
  readonly once: boolean
  /** It was told to stop before it did. */
  readonly interrupted: boolean
  readonly sent: number
  readonly confirmed: number
  readonly written: number
  /** Lines that the producer's map left out. */
  readonly skipped: number
  readonly restarts: number
  readonly tookMs: number
  /** Names of functions that did not end by themselves with exit code 0. */
  readonly unwell: readonly string[]
  /** All queues before and after; null: the broker could not be asked. */
  readonly before: readonly Depth[] | null
  readonly after: readonly Depth[] | null
  /** A string says why there is none. */
  readonly comparison: Comparison | string
  /** The broker keeps what is left for the next run. */
  readonly keepsQueues: boolean
}

export interface Summary {
  readonly lines: readonly string[]
  readonly exitCode: 0 | 1
}

/** What a person reads at the end, and what a script is told. */
export function summaryOf(facts: RunFacts): Summary {
  const rows: [string, string][] = [
    ['sent', counted(facts.sent, 'line')],
    ['confirmed', count(facts.confirmed)],
    ['written', count(facts.written)],
  ]
  if (facts.skipped > 0) rows.push(['skipped', count(facts.skipped)])
  if (typeof facts.comparison !== 'string') rows.push(['duplicates', count(facts.comparison.duplicates)])
  rows.push(['output', comparisonText(facts.comparison)])
  for (const depth of facts.after ?? []) rows.push(...queueRows(depth, facts))
  if (facts.after === null) rows.push(['queues', 'unknown: the broker does not answer'])
  if (facts.restarts > 0)
    rows.push(['restarts', `${count(facts.restarts)}; what a process did just before it crashed is not counted`])
  if (facts.unwell.length > 0) rows.push(['forced', `${facts.unwell.join(', ')} did not end well; see .kedafn/logs`])
  if (facts.once && facts.interrupted) rows.push(['stopped', 'before everything was written'])
  rows.push(['took', tookText(facts)])
  const width = Math.max(...rows.map(([label]) => label.length))
  return { lines: rows.map(([label, text]) => `${label.padEnd(width)}  ${text}`), exitCode: exitCodeFor(facts) }
}

function exitCodeFor(facts: RunFacts): 0 | 1 {
  if (facts.unwell.length > 0) return 1
  if (!facts.once) return 0
  if (facts.interrupted || facts.after === null || facts.before === null) return 1
  if (facts.after.some((depth) => depth.ready + depth.retrying > 0 || newlyDead(depth, facts) > 0)) return 1
  const { comparison, skipped } = facts
  return typeof comparison !== 'string' && comparison.missing > skipped ? 1 : 0
}

function queueRows(depth: Depth, facts: RunFacts): [string, string][] {
  const rows: [string, string][] = []
  const left = depth.ready + depth.retrying
  if (left > 0) {
    const parts = depth.retrying > 0 ? `, ${count(depth.retrying)} of them waiting for another attempt` : ''
    const next = facts.keepsQueues ? '; the next run goes on with them' : ''
    rows.push(['left', `${counted(left, 'message')} in queue ${depth.queue}${parts}${next}`])
  }
  const dead = newlyDead(depth, facts)
  if (dead > 0) rows.push(['dead', `${counted(dead, 'dead letter')} in queue ${depth.queue}.dead`])
  return rows
}

function newlyDead(depth: Depth, { before }: RunFacts): number {
  return depth.dead - (before?.find(({ queue }) => queue === depth.queue)?.dead ?? 0)
}

function comparisonText(comparison: Comparison | string): string {
  if (typeof comparison === 'string') return `not compared: ${comparison}`
  const { equal, expected, missing, duplicates, foreign, inOrder } = comparison
  if (equal) return `equals the input, ${counted(expected, 'line')}`
  const parts = [
    missing > 0
      ? `lacks ${count(missing)} of the input's ${counted(expected, 'line')}`
      : 'holds every line of the input',
  ]
  if (duplicates > 0) parts.push(`${counted(duplicates, 'line')} more than once`)
  if (foreign > 0) parts.push(`${counted(foreign, 'line')} that the input does not have`)
  if (inOrder !== null) parts.push(inOrder ? 'first appearances in order' : 'not in order')
  return parts.join('; ')
}

function tookText({ once, tookMs, written }: RunFacts): string {
  const seconds = `${(tookMs / 1000).toFixed(1)} s`
  // A run that waits for lines has no speed worth telling.
  return once && written > 0 && tookMs > 0 ? `${seconds}, ${count((written * 1000) / tookMs)} lines/s` : seconds
}
