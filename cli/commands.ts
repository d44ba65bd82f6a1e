import type { Entry } from './command.ts'

/** All commands, in the order of the help. What a command needs is loaded when it is called, so that `kedafn --help` is quick. */
export const entries: readonly Entry[] = [
  {
    name: 'list',
    summary: 'list the functions, their queues, how they scale and how large their images are',
    load: async () => (await import('./commands/list.ts')).list,
  },
  {
    name: 'publish',
    summary: 'send the lines of stdin to a queue, each confirmed by the broker',
    load: async () => (await import('./commands/publish.ts')).publish,
  },
]
