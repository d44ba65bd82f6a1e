import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import type { FunctionProcess } from '../support/function-process.ts'
import type { Run } from './lane.ts'
import { wasHarmed } from './lane.ts'
import type { Faulty, Point } from './points.ts'
import { pointsOf } from './points.ts'
import { means, type Refused } from './refused-by.ts'
import { type Harm, type Refusal, refusals } from './saboteur.ts'

export const isRefusal = (harm: Harm): harm is Refusal => refusals.some((refusal) => refusal === harm)

/** The refusals that a victim of this kind can meet. */
export const refusalsOf = (victim: 'consumer' | 'producer'): Refusal[] =>
  refusals.filter((refusal) => means[refusal].of.includes(victim))

/** Port calls with which nothing is asked of the broker, and why it cannot refuse them. */
const unasked: readonly (readonly [RegExp, string])[] = [
  [/^clock\b/, 'time is told by the process'],
  [/^log\b/, 'a log line goes to stdout'],
  [/^instruments\b/, 'counters are in memory'],
  [/^output\b/, 'the output is a file'],
  [/^store\b/, 'this checkpoint is a file'],
  [/^(?:source|finder)\b/, 'the source is a file'],
]

/**
 * What the broker cannot refuse in a scenario that must lose nothing, and why:
 * - an ack, a hand-back: they have no answer;
 * - a full work queue for a consumer's retries: the broker itself moves them back, and tries again only after 180 s;
 * - a retry queue that is missing: to delete it would delete what is on its way out of it;
 * - a work queue that is missing: to delete it deletes what stands in it (test/process/queue-gone.test.ts);
 * - a checkpoint queue that is full: it drops its head and takes the new one. One that is made anew and refuses stands in
 *   test/broker/checkpoint.test.ts;
 * - a permission on a channel that is open: the broker remembers what it once allowed there.
 */

/** Everything else is a call of the broker's port. */
const asked = /^broker\b/

/**
 * Points at which the broker is made to refuse what comes next: before each call of its port.
 * @throws Error if a call is neither the broker's nor listed with the reason why it cannot be refused
 */
export function refusalPoints(seen: Readonly<Record<string, number>>): Point[] {
  const unknown = Object.keys(seen).filter((call) => !asked.test(call) && !unasked.some(([of]) => of.test(call)))
  if (unknown.length > 0) throw new Error(`can the broker refuse these calls? Say so in refusals.ts: ${unknown}`)
  const ofBroker = Object.entries(seen).filter(([call]) => asked.test(call) && call.endsWith(' before'))
  return pointsOf(Object.fromEntries(ofBroker))
}

/**
 * Makes the broker refuse when `process` comes to the point, and lifts that once it was felt, or nothing is left to refuse.
 * @returns true if the process said so
 */
export async function refuseAt(
  refused: Refused,
  run: Run,
  process: FunctionProcess,
  faulty: Faulty | null,
): Promise<boolean> {
  if (!faulty || !isRefusal(faulty.harm)) return false
  const { child } = process
  const { begin, feltAs, endsWith, patienceMs } = means[faulty.harm]
  const isOver = () => child.exitCode !== null || child.signalCode !== null
  const poll = () => new Promise((resolve) => setTimeout(resolve, 5))
  const standsStill = () => process.stderr.includes('standing still')
  while (!standsStill()) {
    if (isOver()) return false
    await poll()
  }
  const lift = await begin(refused)
  const logged = process.entries.length
  const said = () => process.entries.slice(logged).filter(({ message }) => feltAs.test(message))
  const felt = () =>
    endsWith === null
      ? said().some(({ level, message }) => level === 'warn' || level === 'error' || message.startsWith('waiting for'))
      : said().some((entry) => JSON.stringify(entry).includes(endsWith))
  const deadline = Date.now() + patienceMs
  try {
    writeFileSync(run.path('go-on'), '')
    while (!(felt() || isOver()) && Date.now() < deadline) await poll()
    return felt()
  } finally {
    await lift()
  }
}

/** It ended as it should: well, or at the point, or with the code of what it was refused. */
export function assertEnd(
  process: FunctionProcess,
  { code, signal }: { readonly code: number | null; readonly signal: NodeJS.Signals | null },
  faulty: Faulty | null,
): void {
  if (signal !== null) {
    assert.ok(wasHarmed(process), `it died of ${signal}, and not at the point`)
    return
  }
  const endsWith = faulty && isRefusal(faulty.harm) ? means[faulty.harm].endsWith : null
  const isRefused = endsWith !== null && process.entries.some((entry) => JSON.stringify(entry).includes(endsWith))
  const words = process.entries.slice(-3).map((entry) => JSON.stringify(entry))
  assert.equal(code, isRefused ? 1 : 0, `${words.join('\n')}\n${process.stderr}`)
}
