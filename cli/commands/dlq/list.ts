import { brokerVariables } from '../../broker/reach.ts'
import { defineCommand, exitCode, type Io } from '../../command.ts'
import { writeJson } from '../../output/json.ts'
import { Progress, shownSeconds } from '../../output/progress.ts'
import { grouped, table } from '../../output/table.ts'
import { aborted } from '../../until.ts'
import { filterOf, filterOptions, fits } from './filter.ts'
import { type Group, Groups } from './groups.ts'
import { lookThrough, queuePositional, withDeadLetters } from './reading.ts'

/** What `--limit` says of reading: used by all that only look. */
export const looking =
  'It takes nothing: every message stays in its place. To look at one the broker has to deliver it, so while this runs nobody else sees those that it has looked at, and their delivery counts rise (the queue allows a million). One kedafn dlq command at a time reads a queue; the next one waits.'

export const list = defineCommand({
  name: 'dlq list',
  summary: 'show what the dead letters of a queue died of: causes, numbers, ages',
  description: looking,
  reads: true,
  options: [
    ...filterOptions,
    {
      name: 'limit',
      type: 'number',
      placeholder: 'N',
      min: 1,
      max: 10_000_000,
      default: 100_000,
      description: 'look at the oldest N messages at most',
    },
  ],
  positionals: [queuePositional],
  variables: brokerVariables,
  exitCodes: { 130: 'interrupted; what it shows is what it saw until then' },
  examples: [
    { command: 'kedafn dlq list logs', does: 'what is there' },
    { command: 'kedafn dlq list logs --newer-than 1h', does: 'what died in the last hour' },
    { command: "kedafn dlq list logs --json | jq '.groups[] | [.code, .messages]'", does: 'for a script' },
  ],
  async run({ options, positionals: { queue = '' }, io }) {
    const filter = filterOf(options)
    const groups = new Groups()
    let fitting = 0
    const seen = await withDeadLetters(io, 'dlq list', queue, async (letters) => {
      const { length } = letters.place
      const progress = new Progress(io, {
        verb: 'looked at',
        noun: 'messages',
        total: Math.min(length, options.limit),
        silent: options.json,
      })
      const isWhole = await lookThrough(letters, io, options.limit, (letter) => {
        progress.update(letters.reader.seen)
        if (fits(filter, letter, io.now())) {
          groups.add(letter)
          fitting++
        }
        return true
      })
      progress.end()
      return { queue: letters.deadQueue, length, lookedAt: letters.reader.seen, isWhole }
    })
    if (seen === aborted) return exitCode.interrupted
    const summary = { queue: seen.queue, messages: seen.length, lookedAt: seen.lookedAt, fitting, groups: groups.all() }
    await (options.json ? writeJson(io.stdout, asDocument(summary)) : io.stdout.write(asTable(summary, io)))
    return seen.isWhole ? exitCode.done : exitCode.interrupted
  },
})

interface Summary {
  readonly queue: string
  readonly messages: number
  readonly lookedAt: number
  readonly fitting: number
  readonly groups: readonly Group[]
}

const isoOf = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString())

const asDocument = ({ groups, ...summary }: Summary) => ({
  ...summary,
  groups: groups.map((group) => ({ ...group, oldest: isoOf(group.oldest), newest: isoOf(group.newest) })),
})

function asTable({ queue, messages, lookedAt, fitting, groups }: Summary, io: Io): string {
  const looked = lookedAt === messages ? '' : `, the oldest ${grouped(lookedAt)} looked at`
  const chosen = fitting === lookedAt ? '' : `, ${grouped(fitting)} of them as asked`
  const head = `${queue}: ${grouped(messages)} ${messages === 1 ? 'message' : 'messages'}${looked}${chosen}\n`
  if (groups.length === 0) return head
  const age = (at: number | null) => (at === null ? '?' : shownSeconds((io.now() - at) / 1000))
  const rows = groups.map(({ code, messages: count, redriven, oldest, newest, example, causes }) => {
    const [first] = causes
    const others = causes.length > 1 ? ` (and ${causes.length - 1} more)` : ''
    return [
      code,
      grouped(count),
      age(oldest),
      age(newest),
      grouped(redriven),
      example,
      `${first?.cause ?? ''}${others}`,
    ]
  })
  const columns = [
    { title: 'CODE' },
    { title: 'MESSAGES', align: 'right' },
    { title: 'OLDEST', align: 'right' },
    { title: 'NEWEST', align: 'right' },
    { title: 'REDRIVEN', align: 'right' },
    { title: 'EXAMPLE' },
    { title: 'CAUSE', flexible: true },
  ] as const
  return `${head}\n${table(columns, rows, io.isTerminal.stdout ? io.width : null)}`
}
