import assert from 'node:assert/strict'
import { prefetchOf } from '../../runtime/core/scale.ts'
import { compareLines } from '../support/workspace.ts'
import { droppedAttempt, lastAttempt, lateLines } from './consumer.ts'
import { ended, faultEnv, type Lane, type Run, wasHarmed } from './lane.ts'
import type { Faulty } from './points.ts'
import { assertEnd, refuseAt } from './refusals.ts'

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
/** A crash repeats what was in flight, and no more: the prefetch, and the message that a session takes before it consumes. */
const mostRepeats = (linesPerMessage: number): number => (prefetchOf(4, 1) + 1) * linesPerMessage

/**
 * Lines of which one fails until its last attempt and one for good; then a drain with deliveries that have not begun. At the fault the process
 * dies, or loses its connections; lives without faults follow until all is done. Then the ledger is checked.
 */
export async function consumerScenario(lane: Lane, faulty: Faulty | null, linesPerMessage = 1): Promise<Outcome> {
  const { number, run } = lane.begin()
  await using _ = run
  const plain = Array.from({ length: plainLines }, (_, index) => `line ${number} ${index}`)
  const late = Array.from({ length: lateLines }, (_, index) => `late ${number} ${index}`)
  const again = `again ${number}`
  const dropped = `drop ${number}`
  const send = (lines: readonly string[]) =>
    linesPerMessage === 1
      ? lane.broker.send('consumed', lines)
      : lane.broker.sendPacked('consumed', lines, linesPerMessage)
  await send([...plain.slice(0, 4), again, dropped, ...plain.slice(4)])

  const first = run.start(lane.victims.consumer, { STOP: 'true', ...faultEnv(faulty, run.path('seen')) })
  const last = first.logged('last attempt').then(
    () => send(late).then(() => true),
    () => false,
  )
  const refused = await refuseAt({ lane, queue: 'consumed', source: '' }, run, first, faulty)
  assertEnd(first, await ended(first), faulty)
  if (!(await last)) await send(late)

  const inOrder = [...plain, ...late]
  // n.b. A copy on its way out of a retry queue is ready in neither queue: an earlier run of the lane may leave one behind.
  const isOfEarlierRun = (line: string) => Number(line.split(' ')[1]) < number
  const written = () =>
    run
      .read('output.txt')
      .split('\n')
      .filter((line) => line !== '' && !isOfEarlierRun(line))
  const complete = () => new Set(written()).size >= inOrder.length + 1
  await liveUntilDone(lane, run, complete)

  const expected = inOrder.map((line) => `${line} 1`)
  const seen = written().filter((line) => line !== `${again} ${lastAttempt}`)
  const strangers = seen.filter((line) => !expected.includes(line))
  assert.deepEqual(strangers, [], 'lines that were not sent, or with another attempt')
  assert.deepEqual({ ...compareLines(expected, seen), repeated: 0 }, clean)
  const retried = written().length - seen.length
  assert.ok(retried >= 1, 'the last attempt is missing')
  const repeats = written().length - expected.length - 1
  assert.ok(repeats <= mostRepeats(linesPerMessage), `${repeats} repeats`)
  const dead = (await lane.broker.takeAll('consumed.dead')).filter(({ line }) => !isOfEarlierRun(line))
  assert.deepEqual([...new Set(dead.map(({ line }) => line))], [dropped])
  for (const { headers } of dead) {
    const { 'kedafn-code': code, 'kedafn-cause': cause, 'kedafn-failed-attempts': failed } = headers
    assert.deepEqual({ code, cause, failed }, { code: 'FN_DROPPED', cause: 'it is dropped', failed: droppedAttempt })
  }
  const seenCalls = JSON.parse(run.read('seen') || '{}')
  return { harmed: wasHarmed(first), repeats: repeats + dead.length - 1, refused, seen: seenCalls }
}

const clean = { missing: 0, strangers: 0, repeated: 0, ordered: true }

/** Lives of the consumer, each ended by a drain, until what is expected is written and nothing waits in the queues. */
async function liveUntilDone(lane: Lane, run: Run, complete: () => boolean): Promise<void> {
  const deadline = Date.now() + deadlineMs
  const empty = async () => (await lane.broker.ready('consumed')) + (await lane.broker.ready('consumed.retry.10')) === 0
  for (;;) {
    const life = run.start(lane.victims.consumer, {})
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
