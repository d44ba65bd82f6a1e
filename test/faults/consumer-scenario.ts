import assert from 'node:assert/strict'
import { prefetchOf } from '../../runtime/core/scale.ts'
import { compareLines } from '../support/workspace.ts'
import { type ConsumerOrder, droppedAttempt, lastAttempt, lateLines, queueOf } from './consumer.ts'
import { ended, faultEnv, type Lane, type Run, wasHarmed } from './lane.ts'
import type { Faulty } from './points.ts'
import { assertEnd, refuseAt } from './refusals.ts'
import type { Victim } from './victims.ts'

export interface Outcome {
  /** The run came to the point. */
  readonly harmed: boolean
  readonly repeats: number
  /** The broker refused something, and the process said so. */
  readonly refused: boolean
  /** How often each call was seen, of a run without a fault. */
  readonly seen: Record<string, number>
}

const plainLines = 24
const deadlineMs = 20_000
export interface Consuming {
  readonly order?: ConsumerOrder
  readonly linesPerMessage?: number
}

/** A crash repeats what was in flight, and no more: the prefetch, and the message that a session takes before it consumes. */
const mostRepeats = (linesPerMessage: number): number => (prefetchOf(4, 1) + 1) * linesPerMessage

/**
 * Lines of which one fails until its last attempt and one for good; then a drain with deliveries that have not begun. At the fault the process
 * dies, or loses its connections; lives without faults follow until all is done. Then the ledger is checked.
 */
export async function consumerScenario(lane: Lane, faulty: Faulty | null, consuming: Consuming = {}): Promise<Outcome> {
  const { order = 'none', linesPerMessage = 1 } = consuming
  const queue = queueOf(order)
  const { number, run } = lane.begin()
  await using _ = run
  const plain = Array.from({ length: plainLines }, (_, index) => `line ${number} ${index}`)
  const late = Array.from({ length: lateLines }, (_, index) => `late ${number} ${index}`)
  const again = `again ${number}`
  const dropped = `drop ${number}`
  const send = (lines: readonly string[]) =>
    linesPerMessage === 1 ? lane.broker.send(queue, lines) : lane.broker.sendPacked(queue, lines, linesPerMessage)
  await send([...plain.slice(0, 4), again, dropped, ...plain.slice(4)])

  const first = run.start(lane.victims.paths[queue], { STOP: 'true', ...faultEnv(faulty, run.path('seen')) })
  const last = first.logged('last attempt').then(
    () => send(late).then(() => true),
    () => false,
  )
  const refused = await refuseAt({ lane, queue, source: '' }, run, first, faulty)
  assertEnd(first, await ended(first), faulty)
  if (!(await last)) await send(late)

  // n.b. A copy on its way out of a retry queue is ready in neither queue: an earlier run of the lane may leave one behind.
  const isOfEarlierRun = (line: string) => Number(line.split(' ')[1]) < number
  const written = () =>
    run
      .read('output.txt')
      .split('\n')
      .filter((line) => line !== '' && !isOfEarlierRun(line))
  const retried = `${again} ${lastAttempt}`
  const [before, behind] = [plain.slice(0, 4), [...plain.slice(4), ...late]].map((lines) =>
    lines.map((line) => `${line} 1`),
  )
  const expected = [...(before ?? []), retried, ...(behind ?? [])]
  await liveUntilDone(lane, run, queue, () => new Set(written()).size >= expected.length)

  const { repeated: repeats, ordered, ...compared } = compareLines(expected, written())
  assert.deepEqual(compared, { missing: 0, strangers: 0 }, 'strangers were not sent, or have another attempt')
  // Without an order nothing is promised: what a process held when it died may come after what others were given meanwhile.
  if (order === 'queue') assert.ok(ordered, `not in order:\n${written().join('\n')}`)
  assert.ok(repeats <= mostRepeats(linesPerMessage), `${repeats} repeats`)
  const dead = (await lane.broker.takeAll(`${queue}.dead`)).filter(({ line }) => !isOfEarlierRun(line))
  assert.deepEqual([...new Set(dead.map(({ line }) => line))], [dropped])
  for (const { headers } of dead) {
    const { 'kedafn-code': code, 'kedafn-cause': cause, 'kedafn-failed-attempts': failed } = headers
    assert.deepEqual({ code, cause, failed }, { code: 'FN_DROPPED', cause: 'it is dropped', failed: droppedAttempt })
  }
  const seenCalls = JSON.parse(run.read('seen') || '{}')
  return { harmed: wasHarmed(first), repeats: repeats + dead.length - 1, refused, seen: seenCalls }
}

/** Lives of the consumer, each ended by a drain, until what is expected is written and nothing waits in the queues. */
async function liveUntilDone(lane: Lane, run: Run, queue: Victim, complete: () => boolean): Promise<void> {
  const deadline = Date.now() + deadlineMs
  const queues = queue === 'ordered' ? [queue] : [queue, `${queue}.retry.10`]
  const empty = async () => {
    for (const one of queues) if ((await lane.broker.ready(one)) > 0) return false
    return true
  }
  for (;;) {
    const life = run.start(lane.victims.paths[queue], {})
    await life.logged('consuming')
    while (!(complete() && (await empty()))) {
      assert.ok(Date.now() < deadline, `not complete: ${run.read('output.txt')}\n${life.stderr}`)
      assert.equal(life.child.exitCode, null, life.stderr)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    life.kill('SIGTERM')
    assert.deepEqual(await ended(life), { code: 0, signal: null })
    if (await empty()) return
  }
}
