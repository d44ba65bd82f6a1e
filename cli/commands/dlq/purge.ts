import { warnOf } from '../../broker/one-at-a-time.ts'
import { type Delivered, keptOnOneChannel } from '../../broker/queue-reader.ts'
import { brokerVariables } from '../../broker/reach.ts'
import { defineCommand, exitCode, type Io, UsageError } from '../../command.ts'
import { Progress } from '../../output/progress.ts'
import { safeText } from '../../output/safe.ts'
import { grouped } from '../../output/table.ts'
import { aborted } from '../../until.ts'
import { filterOf, filterOptions, fits, isEmpty } from './filter.ts'
import { type Letter, letterOf } from './letter.ts'
import { type DeadLetters, functionQueueOf, lookThrough, queuePositional, withDeadLetters } from './reading.ts'
import { SavingFile } from './saving.ts'

/** Saved messages are deleted so many at a time, one sync for all of them. */
const savedAtOnce = 500
const deliveredAtOnce = 1024

export const purge = defineCommand({
  name: 'dlq purge',
  summary: 'delete dead letters, and save them to a file before if asked to',
  description:
    'It deletes what is there when it begins and nothing that dies meanwhile. It asks before, unless --yes is given; without a terminal it does nothing then. With --save a message is deleted only when it is on disk: one JSON document a line, properties, headers and the body as base64.',
  options: [
    ...filterOptions,
    {
      name: 'limit',
      type: 'number',
      placeholder: 'N',
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
      description: 'delete the oldest N that fit at most',
    },
    { name: 'save', type: 'text', placeholder: 'FILE', description: 'write each message to this new file first' },
    { name: 'yes', short: 'y', type: 'flag', description: 'do not ask' },
    { name: 'dry-run', type: 'flag', description: 'delete nothing; say how many would be' },
  ],
  positionals: [queuePositional],
  variables: brokerVariables,
  exitCodes: { 130: 'interrupted; what it says was deleted is deleted, and nothing else' },
  examples: [
    {
      command: 'kedafn dlq purge logs --code FN_DROPPED --save dropped.ndjson',
      does: 'those of one code, kept in a file',
    },
    { command: 'kedafn dlq purge logs --older-than 30d --yes', does: 'for a job at night' },
  ],
  async run({ options, positionals: { queue: typed = '' }, io }) {
    const queue = functionQueueOf(typed)
    const filter = filterOf(options)
    const wants = (letter: Letter) => fits(filter, letter, io.now())
    const limit = options.limit ?? Number.POSITIVE_INFINITY
    if (options['dry-run']) return dryRun(queue, wants, limit, io)
    if (!options.yes && !(await isSure(queue, !isEmpty(filter), options.save ?? null, io))) return exitCode.failed
    const purging = { wants, limit, isChoosy: !isEmpty(filter), save: options.save ?? null }
    const progress = new Progress(io, { verb: 'deleted', noun: 'messages', total: null, silent: false })
    const result = await withDeadLetters(io, 'dlq purge', queue, async (letters) => {
      await warnOf(letters.place, letters.deadQueue, io)
      return deleteAll(letters, purging, io, progress)
    })
    progress.end()
    if (result === aborted) return exitCode.interrupted
    const saved = options.save === undefined ? '' : `, and saved to ${safeText(options.save)}`
    await io.stdout.write(`${messages(result.deleted)} deleted from ${safeText(queue)}.dead${saved}\n`)
    if (result.failure) throw result.failure
    return io.signal.aborted ? exitCode.interrupted : exitCode.done
  },
})

const messages = (n: number): string => `${grouped(n)} ${n === 1 ? 'message' : 'messages'}`

async function dryRun(queue: string, wants: (letter: Letter) => boolean, limit: number, io: Io): Promise<number> {
  let found = 0
  const isWhole = await withDeadLetters(io, 'dlq purge', queue, (letters) =>
    lookThrough(letters, io, Number.POSITIVE_INFINITY, (letter) => {
      if (wants(letter)) found++
      return found < limit
    }),
  )
  await io.stdout.write(`${messages(found)} would be deleted\n`)
  return isWhole === true ? exitCode.done : exitCode.interrupted
}

/** @throws UsageError where there is nobody to ask */
async function isSure(queue: string, isChoosy: boolean, save: string | null, io: Io): Promise<boolean> {
  const which = isChoosy ? 'those dead letters that fit' : 'all dead letters'
  const after = save === null ? 'for good' : `once they are in ${safeText(save)}`
  const answer = await io.ask(`Delete ${which} of '${safeText(queue)}' ${after}? Type yes to do it: `)
  if (answer === null && !io.signal.aborted)
    throw new UsageError('there is no terminal to ask on; --yes deletes without asking')
  if (/^(y|yes)$/i.test(answer?.trim() ?? '')) return true
  await io.stderr.write('nothing was deleted\n')
  return false
}

interface Purging {
  readonly wants: (letter: Letter) => boolean
  readonly limit: number
  readonly isChoosy: boolean
  readonly save: string | null
}

/** Resolves with how many are deleted for sure, and with what ended it early. */
async function deleteAll({ reader, queue, place }: DeadLetters, purging: Purging, io: Io, progress: Progress) {
  const file = purging.save === null ? null : new SavingFile(purging.save, io.cwd)
  const stop = () => reader.stop()
  const total = Math.min(place.length, purging.limit)
  let [deleted, failure]: [number, unknown] = [0, null]
  let saved: Delivered[] = []

  const take = (taken: readonly Delivered[]) => {
    for (const delivered of taken) delivered.take()
    deleted += taken.length
    progress.update(deleted, total)
  }
  /** n.b. After a sync that failed another one may succeed, and prove nothing: what it was for stays in the queue. */
  const sync = () => {
    const written = saved
    saved = []
    file?.sync()
    take(written)
  }
  const see = (delivered: Delivered) => {
    if (deleted + saved.length >= purging.limit || !purging.wants(letterOf(delivered, queue))) {
      delivered.keep()
      return
    }
    if (!file) take([delivered])
    else {
      file.write(delivered)
      saved.push(delivered)
      if (saved.length >= savedAtOnce) sync()
    }
    if (deleted + saved.length >= purging.limit) stop()
  }
  /** What is thrown where messages are received would end up in the AMQP library. */
  const guarded =
    <T extends unknown[]>(work: (...args: T) => void) =>
    (...args: T) => {
      try {
        work(...args)
      } catch (error) {
        failure ??= error
        stop()
      }
    }

  io.signal.addEventListener('abort', stop)
  if (io.signal.aborted) stop()
  try {
    const prefetch = () => (purging.isChoosy ? keptOnOneChannel : deliveredAtOnce)
    await reader.read({ bound: place.length, prefetch, see: guarded(see) })
    guarded(sync)()
    await reader.finish()
    return { deleted, failure }
  } finally {
    io.signal.removeEventListener('abort', stop)
    file?.close()
  }
}
