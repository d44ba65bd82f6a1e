import { defineCommand } from '../command.ts'
import { list } from './dlq/list.ts'
import { purge } from './dlq/purge.ts'
import { redrive } from './dlq/redrive.ts'
import { show } from './dlq/show.ts'

export const dlq = defineCommand({
  name: 'dlq',
  summary: 'look at dead letters, move them back to their queue, or delete them',
  subcommands: [list, show, redrive, purge],
  examples: [
    { command: 'kedafn dlq list logs', does: 'what is there, and of what it died' },
    { command: 'kedafn dlq redrive logs --rate 100', does: 'try it all again, a hundred a second' },
  ],
})
