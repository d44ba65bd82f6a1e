import { writeFileSync } from 'node:fs'
import type { FunctionProcess } from '../support/function-process.ts'
import type { Lane, Run } from './lane.ts'
import { wasHarmed } from './lane.ts'
import type { Faulty, Point } from './points.ts'
import { pointsOf } from './points.ts'
import type { Harm, Refusal } from './saboteur.ts'

export const isRefusal = (harm: Harm): harm is Refusal => harm === 'unroutable' || harm === 'full'

/** Port calls with which nothing is asked of the broker, and why it cannot refuse them. */
const unasked: readonly (readonly [RegExp, string])[] = [
  [/^clock\b/, 'time is told by the process'],
  [/^log\b/, 'a log line goes to stdout'],
  [/^instruments\b/, 'counters are in memory'],
  [/^output\b/, 'the output is a file'],
  [/^store\b/, 'this checkpoint is a file'],
  [/^(?:source|finder)\b/, 'the source is a file'],
]

/** Everything else is a call of the broker's port. */
const asked = /^broker\b/

/**
 * Points at which the broker is made to refuse what is published next: before each call of its port.
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
 * @returns true if the process warned of it
 */
export async function refuseAt(
  lane: Lane,
  run: Run,
  process: FunctionProcess,
  faulty: Faulty | null,
  queue: string,
): Promise<boolean> {
  if (!faulty || !isRefusal(faulty.harm)) return false
  const { child } = process
  const isOver = () => child.exitCode !== null || child.signalCode !== null
  const poll = () => new Promise((resolve) => setTimeout(resolve, 5))
  while (!wasHarmed(process)) {
    if (isOver()) return false
    await poll()
  }
  const { vhost, broker } = lane
  if (faulty.harm === 'full') await vhost.fill(queue)
  else await broker.unbind(queue)
  const logged = process.entries.length
  const felt = () => process.entries.slice(logged).some(({ level }) => level === 'warn' || level === 'error')
  const deadline = Date.now() + patienceMs
  try {
    writeFileSync(run.path('go-on'), '')
    while (!(felt() || isOver()) && Date.now() < deadline) await poll()
    return felt()
  } finally {
    if (faulty.harm === 'full') await vhost.unfill()
    else await broker.bind(queue)
  }
}

/** After the last publish of a run there is nothing that the broker could refuse. */
const patienceMs = 300
