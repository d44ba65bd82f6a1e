import { withBroker } from '../broker/connection.ts'
import { checkExists, type History, historyAt, readerOf } from '../broker/history.ts'
import { publishing } from '../broker/publishing.ts'
import type { Reach } from '../broker/reach.ts'
import { type Io, UsageError } from '../command.ts'
import { writeJson } from '../output/json.ts'
import { Progress, shownSeconds } from '../output/progress.ts'
import { safeText } from '../output/safe.ts'
import { grouped } from '../output/table.ts'
import { commandToGoOn } from './going-on.ts'
import { matcherOf } from './match.ts'
import { Pace } from './pace.ts'
import { parsePlace, shownPlace } from './place.ts'
import { type Range, rangeOf } from './range.ts'
import { Replayer, type Settled } from './replayer.ts'
import { Selection, type Tally } from './selection.ts'
import { type ReplayState, StateFile, type Told } from './state.ts'

/** As it was typed. */
export interface Asked {
  readonly queue: string
  readonly from: string | undefined
  readonly to: string | undefined
  readonly match: string | undefined
  readonly into: string | undefined
  readonly exchange: string | undefined
  readonly again: boolean
  readonly after: number | undefined
}

export interface Running {
  readonly rate: number
  /** The path of the state file, and as it was typed; null: nothing is remembered. */
  readonly state: string | null
  readonly shownState: string | null
  readonly json: boolean
}

/** The most messages that are published and not yet known to be done. */
const window = 1000
const purpose = 'kedafn replay'

/** Counts what would be replayed, by reading all of it. */
export async function dryRun(io: Io, asked: Asked, json: boolean): Promise<number> {
  const told = toldOf(io, asked)
  const { reach, range, stream } = await lookAt(io, told, null)
  const selection = selectionOf(range, told)
  const start = Math.max(range.start, asked.after ?? 0)
  const reader = readerOf(io, reach, purpose, stream, start)
  const progress = new Progress(io, { verb: 'read', noun: 'messages', total: range.end - start, silent: json })
  const stop = () => void reader.close()
  io.signal.addEventListener('abort', stop)
  try {
    for (let offset = start; offset < range.end && !io.signal.aborted; ) {
      const message = await reader.next()
      if (message === null || message.offset >= range.end) break
      selection.of(message)
      offset = message.offset + 1
      progress.update(offset - start)
    }
  } finally {
    progress.end()
    io.signal.removeEventListener('abort', stop)
    await reader.close()
  }
  await sayCounts(io, json, { told, stream, range, tally: selection.tally, did: 'would be replayed' })
  return io.signal.aborted ? 130 : 0
}

/** @returns whether all of it is replayed */
export async function replay(io: Io, asked: Asked, running: Running): Promise<boolean> {
  const file = running.state === null ? null : new StateFile(running.state)
  try {
    const stored = file?.read() ?? null
    const told = stored ? sameTold(stored, asked, running.shownState ?? '') : toldOf(io, asked)
    const looked = await lookAt(io, told, stored)
    const begin = stored ?? { next: Math.max(looked.range.start, asked.after ?? 0), messages: 0 }
    await io.stderr.write(`${foreword(told, looked, begin, running.rate)}\n`)
    const state = (settled: Settled): ReplayState => ({
      kind: 'kedafn replay',
      version: 1,
      told,
      range: looked.range,
      next: settled.next,
      messages: settled.messages,
    })
    // The range is that of the first run, whatever happens to it.
    if (!stored) await file?.save(state(begin))
    const save = file && ((settled: Settled) => file.save(state(settled)))
    return await work(io, { ...looked, told, begin, running, save })
  } finally {
    file?.close()
  }
}

interface Work extends Looked {
  readonly told: Told
  readonly begin: Settled
  readonly running: Running
  readonly save: ((settled: Settled) => Promise<void>) | null
}

async function work(io: Io, { reach, range, stream, told, begin, running, save }: Work): Promise<boolean> {
  const selection = selectionOf(range, told)
  const reader = readerOf(io, reach, purpose, stream, begin.next)
  const { publisher, unroutable } = publishing(io, reach, purpose, window)
  const replayer = new Replayer(
    {
      stream,
      into: told.into,
      end: range.end,
      reader,
      publisher,
      selection,
      pace: new Pace(running.rate),
      window,
      save,
      now: io.now,
      signal: io.signal,
    },
    begin,
  )
  unroutable.catch((error) => replayer.fail(error))
  const total = range.end - begin.next
  const progress = new Progress(io, { verb: 'replayed', noun: 'messages', total, silent: running.json })
  const goOn = () => {
    const { next } = replayer.settled
    return commandToGoOn(told, { state: running.shownState, rate: running.rate, after: next, end: range.end })
  }
  try {
    await replayer.run((offset) => progress.update(offset + 1 - begin.next))
  } catch (error) {
    progress.end()
    await io.stderr.write(`${safeText(shownStop(replayer.settled, goOn()))}\n`)
    throw error
  } finally {
    progress.end()
    await Promise.all([reader.close(), publisher.close()])
  }
  const { next, messages } = replayer.settled
  const isDone = next >= range.end || !io.signal.aborted
  await sayCounts(io, running.json, { told, stream, range, tally: { ...selection.tally, messages }, did: 'replayed' })
  if (!isDone) await io.stderr.write(`${safeText(shownStop(replayer.settled, goOn()))}\n`)
  return isDone
}

const shownStop = ({ next }: Settled, command: string): string =>
  `stopped at offset ${next}; this goes on there:  ${command}`

// --- what is to be done ---------------------------------------------------------------------------------------------

function toldOf(io: Io, { queue, from, to, match, into, exchange, again }: Asked): Told {
  if (from === undefined) throw new UsageError('--from is missing: where to begin')
  const now = io.now()
  matcherOf(match)
  return {
    queue,
    exchange: exchange ?? queue,
    into: into ?? queue,
    from: shownPlace(parsePlace('from', from, now)),
    to: to === undefined ? null : shownPlace(parsePlace('to', to, now)),
    match: match ?? null,
    again,
    typed: { from, to: to ?? null },
  }
}

/** @throws UsageError naming what was told otherwise before */
function sameTold({ told }: ReplayState, asked: Asked, path: string): Told {
  const before: Record<string, string | boolean | null> = {
    QUEUE: told.queue,
    '--from': told.typed.from,
    '--to': told.typed.to,
    '--match': told.match,
    '--into': told.into,
    '--exchange': told.exchange,
    '--again': told.again,
  }
  const given: Record<string, string | boolean | undefined> = {
    QUEUE: asked.queue,
    '--from': asked.from,
    '--to': asked.to,
    '--match': asked.match,
    '--into': asked.into,
    '--exchange': asked.exchange,
    '--again': asked.again || undefined,
  }
  const others = Object.keys(given).filter((name) => given[name] !== undefined && given[name] !== before[name])
  if (others.length === 0) return told
  const words = others.map((name) => `${name} was ${before[name] ?? 'not given'}`).join(', ')
  throw new UsageError(safeText(`${path} is of another replay: ${words}. Give another --state to begin that one`))
}

interface Looked {
  readonly reach: Reach
  readonly stream: string
  readonly range: Range
}

const lookAt = (io: Io, told: Told, stored: ReplayState | null): Promise<Looked> =>
  withBroker(io, purpose, async (broker) => {
    await checkExists(broker, told.into)
    const history = await historyAt(broker, told.exchange)
    return { reach: broker.reach, stream: history.stream, range: stored?.range ?? (await rangeIn(history, io, told)) }
  })

function rangeIn(history: History, io: Io, { from, to }: Told): Promise<Range> {
  const place = (option: string, text: string) => parsePlace(option, text, io.now())
  return rangeOf(history, place('from', from), to === null ? null : place('to', to), io.now())
}

const selectionOf = (range: Range, { match, again }: Told): Selection =>
  new Selection(range, { matches: matcherOf(match ?? undefined), again })

// --- what is said ---------------------------------------------------------------------------------------------------

function foreword(told: Told, { stream, range }: Looked, begin: Settled, rate: number): string {
  const left = Math.max(0, range.end - begin.next)
  const since = begin.messages > 0 ? ` (${grouped(begin.messages)} were replayed before)` : ''
  const time = left === 0 ? '' : `, ${shownSeconds(left / rate)} at ${grouped(rate)}/s`
  return safeText(`at most ${grouped(left)} messages of ${stream} go into ${told.into}${time}${since}`)
}

interface Counts {
  readonly told: Told
  readonly stream: string
  readonly range: Range
  readonly tally: Tally
  readonly did: string
}

async function sayCounts(io: Io, json: boolean, { told, stream, range, tally, did }: Counts): Promise<void> {
  const { start, end } = range
  if (json) await writeJson(io.stdout, { stream, into: told.into, start, end, ...tally })
  else {
    const left = [
      [tally.copies, tally.copies === 1 ? 'copy of one before' : 'copies of one before'],
      [tally.replays, tally.replays === 1 ? 'replay itself' : 'replays themselves'],
      [tally.outside, 'of another time'],
      [tally.unmatched, 'not like --match'],
    ] as const
    const leftOut = left.filter(([count]) => count > 0).map(([count, what]) => `${grouped(count)} ${what}`)
    const lines = tally.lines === tally.messages ? '' : ` of ${grouped(tally.lines)} lines`
    const more = leftOut.length === 0 ? '' : `; left out: ${leftOut.join(', ')}`
    await io.stdout.write(
      `${safeText(`${grouped(tally.messages)} messages${lines} of ${stream} ${did} into ${told.into}${more}`)}\n`,
    )
  }
}
