import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { decodeCheckpoint } from '../../runtime/core/checkpoint.ts'
import { checkpointQueueOf } from '../../runtime/core/topology.ts'
import { compareLines } from '../support/workspace.ts'
import type { Taken } from './broker-side.ts'
import type { Outcome } from './consumer-scenario.ts'
import { ended, faultEnv, type Lane, wasHarmed } from './lane.ts'
import type { Faulty } from './points.ts'
import { refuseAt } from './refusals.ts'

const window = 8
const checkpointLines = 10
const env = {
  KEDAFN_ONCE: 'true',
  KEDAFN_WINDOW: `${window}`,
  KEDAFN_CHECKPOINT_LINES: `${checkpointLines}`,
  KEDAFN_CHECKPOINT_MS: '5',
  KEDAFN_MAX_LINE_BYTES: '100',
}

export interface Producing {
  readonly how: 'drained' | 'to the end'
  readonly checkpoint: 'file' | 'broker'
}

/**
 * Lines of which one is skipped and one too long, with a drain in mid-file, or to the end. At the fault the process dies, or
 * loses its connections; one life without a fault follows. Then the ledger is checked.
 */
export async function producerScenario(lane: Lane, faulty: Faulty | null, { how, checkpoint }: Producing) {
  const { number, run } = lane.begin()
  await using _ = run
  const place: Record<string, string> = { KEDAFN_CHECKPOINT: checkpoint, KEDAFN_SOURCE: `run-${number}` }
  const queue = checkpointQueueOf('produced', `run-${number}`)
  const checkpointOf = async (): Promise<number> => {
    const stored = checkpoint === 'file' ? run.read('checkpoint') : await lane.broker.peek(queue)
    return stored ? decodeCheckpoint(stored, 'the checkpoint').offset : 0
  }
  const lines = Array.from({ length: 40 }, (_, index) => `${kindOf(index)} ${number} ${index}`)
  writeFileSync(run.path('input.txt'), `${lines.join('\n')}\n`)

  const stop: Record<string, string> = how === 'drained' ? { STOP: 'true' } : {}
  const faultless = { ...env, ...place }
  const first = run.start(lane.victims.producer, { ...faultless, ...stop, ...faultEnv(faulty, run.path('seen')) })
  const refused = await refuseAt(lane, run, first, faulty, 'produced')
  const { code, signal } = await ended(first)
  if (signal === null) assert.equal(code, 0, first.stderr)
  else assert.ok(wasHarmed(first), `it died of ${signal}, and not at the point`)
  const early = await taken(lane)
  const isSent = (line: string) => line.length <= 100 && !line.startsWith('skip')
  const covered = lines.slice(0, linesBelow(lines, await checkpointOf())).filter(isSent)
  const beyond = covered.filter((line) => !early.sent.some((one) => one.line === line))
  assert.deepEqual(beyond, [], 'the checkpoint is beyond what the broker has')

  const last = run.start(lane.victims.producer, faultless)
  assert.deepEqual(await ended(last), { code: 0, signal: null }, last.stderr)
  const late = await taken(lane)
  const sent = [...early.sent, ...late.sent]
  const expected = lines.filter(isSent)
  const { repeated, ordered, ...compared } = compareLines(
    expected,
    sent.map(({ line }) => line),
  )
  assert.deepEqual(compared, { missing: 0, strangers: 0 })
  // A refused line may be overtaken by those of its window that the broker takes once it refuses no more.
  assert.ok(ordered || refused, 'not in order')
  const copies = repeated + copiesOf([...early.dead, ...late.dead], lines)
  assert.ok(copies <= window + checkpointLines, `${copies} repeats`)
  assert.equal(new Set(sent.map(({ id }) => id)).size, expected.length, 'copies have the id of their first one')
  const mayRepeat = new Set(sent.filter(({ headers }) => headers['kedafn-may-repeat'] === true))
  const ids = new Set<string>()
  for (const one of sent) {
    assert.ok(!ids.has(one.id) || mayRepeat.has(one), `a copy of ${one.line} does not say that it may be one`)
    ids.add(one.id)
  }
  assert.equal(await checkpointOf(), lines.join('\n').length + 1)
  if (checkpoint === 'broker') await lane.broker.remove(queue)
  const seen = JSON.parse(run.read('seen') || '{}')
  const outcome: Outcome = { harmed: wasHarmed(first), repeats: copies, refused, seen }
  return outcome
}

const kindOf = (index: number): string => {
  if (index === 11) return 'skip'
  if (index === 17) return 'x'.repeat(120)
  return index === 24 ? 'stop' : 'line'
}

async function taken(lane: Lane): Promise<{ sent: Taken[]; dead: Taken[] }> {
  return { sent: await lane.broker.takeAll('produced'), dead: await lane.broker.takeAll('produced.dead') }
}

/** The dead letters are the two parts of the one long line. @returns how often the line, or a part of it, came again */
function copiesOf(dead: readonly Taken[], lines: readonly string[]): number {
  const parts = new Map(dead.map((one) => [one.headers['kedafn-part'], one.line]))
  assert.deepEqual([...parts.keys()].toSorted(), [0, 1])
  assert.ok(lines.includes(`${parts.get(0)}${parts.get(1)}`))
  for (const { headers } of dead) assert.equal(headers['kedafn-code'], 'FN_LINE_TOO_LONG')
  return Math.ceil((dead.length - parts.size) / parts.size)
}

function linesBelow(lines: readonly string[], offset: number): number {
  let end = 0
  const index = lines.findIndex((line) => {
    end += line.length + 1
    return end > offset
  })
  return index === -1 ? lines.length : index
}
