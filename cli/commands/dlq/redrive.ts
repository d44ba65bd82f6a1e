import { setTimeout as pause } from 'node:timers/promises'
import { reconnectDelayMs } from '../../../runtime/core/backoff.ts'
import { describe, FnError } from '../../../runtime/core/errors.ts'
import { BrokerUnreachable } from '../../broker/connection.ts'
import { warnOf } from '../../broker/one-at-a-time.ts'
import { brokerVariables } from '../../broker/reach.ts'
import { CommandError, defineCommand, exitCode, type Io, UsageError } from '../../command.ts'
import { Progress } from '../../output/progress.ts'
import { safeText } from '../../output/safe.ts'
import { grouped } from '../../output/table.ts'
import { aborted, unlessAborted } from '../../until.ts'
import { filterOf, filterOptions, fits, isEmpty } from './filter.ts'
import { isRawLine, type Letter } from './letter.ts'
import { Pace } from './pace.ts'
import { functionQueueOf, lookThrough, queuePositional, withDeadLetters } from './reading.ts'
import { newTally, type RedriveWishes, Redriving, type Tally } from './redriving.ts'

/** A run that cannot reach its broker gives up when nothing was moved for so long. */
const patienceMs = 30_000

export const redrive = defineCommand({
  name: 'dlq redrive',
  summary: 'move dead letters back to the queue that they came from, to be tried anew',
  description:
    'Each is published to its queue, and leaves the dead letters when the broker has confirmed that; attempts begin anew, the trace goes on, and a header keeps the history. It moves what is there when it begins, in that order, and nothing that dies meanwhile. Lines that never became a message (FN_MAP_FAILED, FN_MESSAGE_TOO_LARGE, FN_LINE_TOO_LONG) stay, unless --code names them.\n' +
    'It may be stopped or killed at any moment and run again: nothing is lost, and what was on its way comes twice at most, marked as a repeat. One kedafn dlq command at a time works on a queue; a second one waits, and goes on when the first one ends or dies.',
  options: [
    ...filterOptions,
    {
      name: 'to',
      type: 'text',
      placeholder: 'QUEUE',
      description: 'move them to this queue, not to the one that they came from',
    },
    {
      name: 'limit',
      type: 'number',
      placeholder: 'N',
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
      description: 'move N messages at most',
    },
    {
      name: 'rate',
      type: 'number',
      placeholder: 'N',
      min: 0.01,
      max: 1_000_000,
      fractions: true,
      description: 'move N messages a second at most',
    },
    { name: 'dry-run', type: 'flag', description: 'move nothing; say what would be moved where' },
  ],
  positionals: [queuePositional],
  variables: brokerVariables,
  exitCodes: { 130: 'interrupted; what it says was moved is moved, and the same command goes on' },
  examples: [
    { command: 'kedafn dlq redrive logs --dry-run', does: 'what would be moved' },
    { command: 'kedafn dlq redrive logs --limit 1', does: 'try with the oldest one' },
    {
      command: 'kedafn dlq redrive logs --code FN_ATTEMPTS_EXHAUSTED --newer-than 2h --rate 50',
      does: 'those of an outage, without a rush',
    },
  ],
  async run({ options, positionals: { queue: typed = '' }, io }) {
    const queue = functionQueueOf(typed)
    if (options.to === `${queue}.dead`) throw new UsageError(`--to is '${safeText(options.to)}', where they are`)
    const filter = filterOf(options)
    const wishes: RedriveWishes = {
      wants: (letter) =>
        fits(filter, letter, io.now()) && (!isRawLine(letter) || filter.codes.includes(letter.code.toLowerCase())),
      isChoosy: !isEmpty(filter),
      to: options.to ?? null,
      limit: options.limit ?? Number.POSITIVE_INFINITY,
      pace: new Pace(options.rate ?? null),
    }
    return options['dry-run'] ? dryRun(queue, wishes, io) : moveAll(queue, wishes, io)
  },
})

async function dryRun(queue: string, { wants, to, limit }: RedriveWishes, io: Io): Promise<number> {
  const counts = new Map<string, number>()
  let found = 0
  const isWhole = await withDeadLetters(io, 'dlq redrive', queue, (letters) =>
    lookThrough(letters, io, Number.POSITIVE_INFINITY, (letter: Letter) => {
      if (!wants(letter)) return true
      const line = `${letter.code} to ${to ?? letter.origin}`
      counts.set(line, (counts.get(line) ?? 0) + 1)
      return ++found < limit
    }),
  )
  await io.stdout.write(`${messages(found)} would be moved\n`)
  for (const [line, n] of counts) await io.stdout.write(`  ${grouped(n)} ${safeText(line)}\n`)
  return isWhole === true ? exitCode.done : exitCode.interrupted
}

const messages = (n: number): string => `${grouped(n)} ${n === 1 ? 'message' : 'messages'}`

async function moveAll(queue: string, wishes: RedriveWishes, io: Io): Promise<number> {
  const tally = newTally()
  const progress = new Progress(io, { verb: 'moved', noun: 'messages', total: null, silent: false })
  try {
    const failure = await moveInLives(queue, wishes, tally, io, progress)
    progress.end()
    await io.stdout.write(reportOf(queue, tally, wishes.limit))
    if (io.signal.aborted) {
      await io.stderr.write('interrupted; nothing is lost, and the same command goes on where this one stopped\n')
      return exitCode.interrupted
    }
    if (failure) throw failure
    const stuck = tally.noQueue.size + tally.refusedBy.size + tally.unsendable.length + tally.unseen
    return stuck === 0 ? exitCode.done : exitCode.failed
  } finally {
    progress.end()
  }
}

/**
 * One life after the other, until one ends well: with a connection everything is lost that was delivered or on its way, and begins anew
 * in its place.
 * @returns what a person has to mend
 */
async function moveInLives(queue: string, wishes: RedriveWishes, tally: Tally, io: Io, progress: Progress) {
  let [patientSince, movedThen, lives, losses] = [performance.now(), 0, 0, 0]
  for (;;) {
    try {
      await withDeadLetters(io, 'dlq redrive', queue, async (letters) => {
        if (lives++ === 0) await warnOf(letters.place, letters.deadQueue, io)
        const total = Math.min(tally.moved + letters.place.length, wishes.limit)
        letters.broker.connection.on('blocked', (reason: string) => {
          void io.stderr.write(`the broker takes no messages for now (${safeText(reason)}); waiting\n`)
        })
        tally.unfit = 0
        for (const counts of [tally.noQueue, tally.refusedBy]) counts.clear()
        tally.unsendable.splice(0)
        await new Redriving(letters, wishes, tally, io, () => progress.update(tally.moved, total)).run()
      })
      return null
    } catch (failure) {
      if (io.signal.aborted) return null
      if (tally.moved > movedThen) [patientSince, movedThen, losses] = [performance.now(), tally.moved, 0]
      if (lives === 0 || !passes(failure) || performance.now() - patientSince > patienceMs) return withAdvice(failure)
      progress.end()
      if (losses === 0)
        await io.stderr.write(`no session with the broker (${safeText(describe(failure))}); trying again\n`)
      if ((await unlessAborted(io.signal, pause(reconnectDelayMs(losses++, Math.random)))) === aborted) return null
    }
  }
}

/** True for what may be over in a moment. n.b. A broker that comes up refuses its vhosts for a while. */
const passes = (failure: unknown): boolean =>
  failure instanceof BrokerUnreachable ||
  (failure instanceof FnError ? failure.code === 'FN_VHOST_REFUSED' : !(failure instanceof CommandError))

const withAdvice = (failure: unknown): unknown =>
  failure instanceof FnError || failure instanceof CommandError
    ? failure
    : new CommandError(describe(failure), 'Nothing is lost: the same command goes on where this one stopped', {
        cause: failure,
      })

function reportOf(
  queue: string,
  { moved, movedTo, unfit, noQueue, refusedBy, unsendable, unseen }: Tally,
  limit: number,
): string {
  const to = [...movedTo.keys()]
  const where = to.length === 1 ? ` to ${safeText(to[0] ?? '')}` : ''
  const lines = [`${messages(moved)} moved from ${safeText(queue)}.dead${where}`]
  if (to.length > 1) for (const [name, n] of movedTo) lines.push(`  ${grouped(n)} to ${safeText(name)}`)
  // At the limit nobody has looked at the rest.
  if (unfit > 0 && moved < limit) lines.push(`${grouped(unfit)} left as not asked for`)
  for (const [name, n] of noQueue)
    lines.push(`${grouped(n)} left: there is no queue '${safeText(name)}'; --to moves them elsewhere`)
  for (const [name, n] of refusedBy) {
    lines.push(
      `${grouped(n)} left, and all behind: queue '${safeText(name)}' takes no more; run again when it has room`,
    )
  }
  if (unsendable.length > 0) {
    const ids = unsendable.slice(0, 5).map((id) => `'${safeText(id)}'`)
    lines.push(
      `${grouped(unsendable.length)} left: with headers that cannot be sent again as they are (${ids.join(', ')})`,
    )
  }
  if (unseen > 0) lines.push(`${grouped(unseen)} were not delivered: another consumer has them, or took them`)
  return `${lines.join('\n')}\n`
}
