import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { decodeCheckpoint } from '../../runtime/core/checkpoint.ts'
import { checkpointQueueOf } from '../../runtime/core/topology.ts'
import { checkpointPathOf } from '../../runtime/files/glob.ts'
import { compareLines } from '../support/workspace.ts'
import type { Taken } from './broker-side.ts'
import type { Outcome } from './consumer-scenario.ts'
import { ended, faultEnv, type Lane, type Run, wasHarmed } from './lane.ts'
import type { Faulty } from './points.ts'
import { assertEnd, refuseAt } from './refusals.ts'

const env = { KEDAFN_ONCE: 'true', KEDAFN_CHECKPOINT_MS: '5', KEDAFN_MAX_LINE_BYTES: '100' }

/** In messages, and, of packed lines, so many that as few of them are on their way as without. */
const limitsOf = (linesPerMessage: number) =>
  linesPerMessage === 1 ? { window: 8, checkpointLines: 10 } : { window: 2, checkpointLines: 3 }

export interface Producing {
  readonly how: 'drained' | 'to the end'
  readonly checkpoint: 'file' | 'broker'
  /** With more than one they are found by a pattern. @default 1 */
  readonly files?: number
  /** Up to so many lines in one message. @default 1 */
  readonly linesPerMessage?: number
}

/** One of the inputs, its lines, and where its checkpoint stands. */
interface Input {
  readonly lines: readonly string[]
  readonly checkpointOf: () => Promise<number>
}

/**
 * Lines of which one is skipped and one too long, with a drain in mid-file, or to the end. At the fault the process dies, loses
 * its connections, or is refused something; one life without a fault follows. Then the ledger is checked.
 */
export async function producerScenario(lane: Lane, faulty: Faulty | null, producing: Producing): Promise<Outcome> {
  const { how, checkpoint, files = 1, linesPerMessage = 1 } = producing
  const limits = limitsOf(linesPerMessage)
  const [window, checkpointLines] = [limits.window * linesPerMessage, limits.checkpointLines * linesPerMessage]
  const { number, run } = lane.begin()
  await using _ = run
  const source = `run-${number}`
  const checkpointQueue = checkpointQueueOf('produced', source)
  const place: Record<string, string> = { KEDAFN_CHECKPOINT: checkpoint, KEDAFN_SOURCE: source }
  if (files > 1) Object.assign(place, { INPUT_PATH: run.path('input/*.txt') })
  const inputs = Array.from({ length: files }, (_, index): Input => {
    const path = files > 1 ? run.path(`input/${index}.txt`) : run.path('input.txt')
    return writeInput(run, path, index, number, async () => {
      if (checkpoint === 'broker') return lane.broker.peek(checkpointQueue)
      return run.read(files > 1 ? relative(run.path(''), checkpointPathOf(run.path('checkpoint'), path)) : 'checkpoint')
    })
  })

  const stop: Record<string, string> = how === 'drained' ? { STOP: 'true' } : {}
  const faultless = {
    ...env,
    ...place,
    KEDAFN_LINES_PER_MESSAGE: `${linesPerMessage}`,
    KEDAFN_WINDOW: `${limits.window}`,
    KEDAFN_CHECKPOINT_LINES: `${limits.checkpointLines}`,
  }
  const first = run.start(lane.victims.paths.produced, { ...faultless, ...stop, ...faultEnv(faulty, run.path('seen')) })
  const refused = await refuseAt({ lane, queue: 'produced', source }, run, first, faulty)
  assertEnd(first, await ended(first), faulty)
  const early = await taken(lane)
  for (const { lines, checkpointOf } of inputs) {
    const covered = lines.slice(0, linesBelow(lines, await checkpointOf())).filter(isSent)
    const beyond = covered.filter((line) => !early.sent.some((one) => one.line === line))
    assert.deepEqual(beyond, [], 'the checkpoint is beyond what the broker has')
  }

  const last = run.start(lane.victims.paths.produced, faultless)
  assert.deepEqual(await ended(last), { code: 0, signal: null }, last.stderr)
  const late = await taken(lane)
  const sent = [...early.sent, ...late.sent]
  const dead = [...early.dead, ...late.dead]
  const repeats = assertLedger(inputs, sent, refused ? window : 0) + copiesOf(dead, inputs[0]?.lines ?? [])
  assert.ok(repeats <= files * (window + checkpointLines), `${repeats} repeats`)
  assertCopies(sent)
  for (const { lines, checkpointOf } of inputs) assert.equal(await checkpointOf(), lines.join('\n').length + 1)
  if (checkpoint === 'broker') await lane.broker.remove(checkpointQueue)
  const seen = JSON.parse(run.read('seen') || '{}')
  return { harmed: wasHarmed(first), repeats, refused, seen }
}

function writeInput(
  run: Run,
  path: string,
  index: number,
  number: number,
  stored: () => Promise<string | null>,
): Input {
  const lines = Array.from(
    { length: 40 },
    (_, line) => `${index === 0 ? kindOf(line) : 'line'} ${number} ${index} ${line}`,
  )
  mkdirSync(run.path('input'), { recursive: true })
  writeFileSync(path, `${lines.join('\n')}\n`)
  const checkpointOf = async () => {
    const text = await stored()
    return text ? decodeCheckpoint(text, 'the checkpoint').offset : 0
  }
  return { lines, checkpointOf }
}

const kindOf = (index: number): string => {
  if (index === 11) return 'skip'
  if (index === 17) return 'x'.repeat(120)
  return index === 24 ? 'stop' : 'line'
}

const isSent = (line: string): boolean => line.length <= 100 && !line.startsWith('skip')

async function taken(lane: Lane): Promise<{ sent: Taken[]; dead: Taken[] }> {
  return { sent: await lane.broker.takeAll('produced'), dead: await lane.broker.takeAll('produced.dead') }
}

/** No line is missing, and those of each input are in order. @returns how many came again */
function assertLedger(inputs: readonly Input[], sent: readonly Taken[], mostDisplaced: number): number {
  let repeats = 0
  let found = 0
  for (const { lines } of inputs) {
    const expected = lines.filter(isSent)
    const own = new Set(lines)
    const seen = sent.map(({ line }) => line).filter((line) => own.has(line))
    const { repeated, ordered, ...compared } = compareLines(expected, seen)
    assert.deepEqual(compared, { missing: 0, strangers: 0 })
    const displaced = displacedIn(expected, [...new Set(seen)])
    assert.equal(ordered, displaced === 0)
    // A refused line may be overtaken by those of its window that the broker takes once it refuses no more: by them alone.
    assert.ok(displaced <= mostDisplaced, `${displaced} lines from the first that is not in order to the last`)
    repeats += repeated
    found += seen.length
  }
  assert.equal(found, sent.length, 'strangers')
  return repeats
}

/** So many lines it is from the first that stands before one it should follow, or behind one, to the last. */
function displacedIn(expected: readonly string[], first: readonly string[]): number {
  const places = first.map((line) => expected.indexOf(line))
  const wrong = places.filter((place, index) => place !== index)
  return wrong.length === 0 ? 0 : Math.max(...wrong) - Math.min(...wrong) + 1
}

/** A copy has the id of its first one, and says that it may be a copy. */
function assertCopies(sent: readonly Taken[]): void {
  assert.equal(new Set(sent.map(({ id }) => id)).size, new Set(sent.map(({ line }) => line)).size)
  const ids = new Set<string>()
  for (const { id, line, headers } of sent) {
    assert.ok(
      !ids.has(id) || headers['kedafn-may-repeat'] === true,
      `a copy of ${line} does not say that it may be one`,
    )
    ids.add(id)
  }
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
