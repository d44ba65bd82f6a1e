import { resolve } from 'node:path'
import { brokerVariables } from '../broker/reach.ts'
import { defineCommand, exitCode, UsageError } from '../command.ts'
import { dryRun, replay as run } from '../history/replay.ts'

export const replay = defineCommand({
  name: 'replay',
  summary: 'publish messages of the last 7 days once more, out of the history',
  description:
    'It reads the history and takes nothing away. Each message goes straight to the queue, confirmed, with its id, in the order of the history, ' +
    'as if it had never been tried, and marked by the header kedafn-replay. Copies that the history holds twice go once. ' +
    'A replay that is cut short repeats at most the last 1,000 messages when it goes on.',
  positionals: [{ name: 'QUEUE', description: 'whose history is replayed' }],
  options: [
    {
      type: 'text',
      name: 'from',
      placeholder: 'PLACE',
      description: 'where to begin: an offset, a time (2026-11-28T10:00:00Z) or how long ago (90s, 15m, 2h, 7d)',
    },
    {
      type: 'text',
      name: 'to',
      placeholder: 'PLACE',
      description: 'where to end, this one not included; else what is there when the replay begins',
    },
    {
      type: 'text',
      name: 'match',
      placeholder: 'REGEX',
      description: 'only messages like this; of packed lines, those',
    },
    { type: 'text', name: 'into', placeholder: 'QUEUE', description: 'into another queue' },
    {
      type: 'text',
      name: 'exchange',
      placeholder: 'NAME',
      description: 'the exchange that feeds the queue, if its name is another: its history is read',
    },
    {
      type: 'number',
      name: 'rate',
      placeholder: 'N',
      min: 1,
      max: 1_000_000,
      default: 1000,
      description: 'at most so many messages a second',
    },
    {
      type: 'text',
      name: 'state',
      placeholder: 'FILE',
      description: 'remember there how far it has come, and go on there if the file exists',
    },
    {
      type: 'number',
      name: 'after',
      placeholder: 'OFFSET',
      min: 0,
      max: Number.MAX_SAFE_INTEGER,
      description: 'leave out what stands before this offset: a replay that stopped says it',
    },
    { type: 'flag', name: 'again', description: 'also what is a replay itself' },
    { type: 'flag', name: 'dry-run', description: 'count what would be replayed, and publish nothing' },
    { type: 'flag', name: 'json', description: 'print the counts as JSON, for a script' },
  ],
  examples: [
    { command: 'kedafn replay logs --from 2h --dry-run', does: 'how much came in the last two hours' },
    {
      command: 'kedafn replay logs --from 2026-11-28T10:00:00Z --to 2026-11-28T10:30:00Z --state replay.json',
      does: 'half an hour, and it can be cut short',
    },
    { command: "kedafn replay logs --from 7d --match 'order 4711' --into logs.tried", does: 'one order, elsewhere' },
  ],
  variables: brokerVariables,
  exitCodes: { 130: 'stopped by Ctrl-C; the command that goes on is printed' },
  async run({ options, positionals, io }) {
    const queue = positionals.queue ?? ''
    const { from, to, match, into, exchange, again, rate, after, json } = options
    const state = options.state === undefined ? null : resolve(io.cwd, options.state)
    if (options['dry-run'] && state !== null) throw new UsageError('--dry-run keeps no --state')
    if (after !== undefined && state !== null) throw new UsageError('--state knows what --after would say')
    const asked = { queue, from, to, match, into, exchange, again, after }
    if (options['dry-run']) return dryRun(io, asked, json)
    const settled = await run(io, asked, { rate, state, shownState: options.state ?? null, json })
    return settled ? exitCode.done : exitCode.interrupted
  },
})
