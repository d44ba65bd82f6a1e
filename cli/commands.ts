import type { Entry } from './command.ts'

/** All commands, in the order of the help. What a command needs is loaded when it is called, so that `kedafn --help` is quick. */
export const entries: readonly Entry[] = [
  {
    name: 'create',
    summary: 'make a function: its folder, spec, handler and test',
    load: async () => (await import('./commands/create.ts')).create,
  },
  {
    name: 'list',
    summary: 'list the functions, their queues, how they scale and how large their images are',
    load: async () => (await import('./commands/list.ts')).list,
  },
  {
    name: 'build',
    summary: 'bundle functions, pack them into images, render their manifests',
    load: async () => (await import('./commands/build.ts')).build,
  },
  {
    name: 'start',
    summary: 'run every function on this machine, with a broker, scaled as KEDA would',
    load: async () => (await import('./commands/start.ts')).start,
  },
  {
    name: 'test',
    summary: 'run tests, with a broker for those that need one',
    load: async () => (await import('./commands/test.ts')).test,
  },
  {
    name: 'simulate',
    summary: 'simulate how a function is scaled, on a clock that does not wait',
    load: async () => (await import('./commands/simulate.ts')).simulate,
  },
  {
    name: 'publish',
    summary: 'send the lines of stdin to a queue, each confirmed by the broker',
    load: async () => (await import('./commands/publish.ts')).publish,
  },
  {
    name: 'dlq',
    summary: 'look at dead letters, move them back to their queue, or delete them',
    load: async () => (await import('./commands/dlq.ts')).dlq,
  },
  {
    name: 'tail',
    summary: 'watch messages pass, without taking them',
    load: async () => (await import('./commands/tail.ts')).tail,
  },
  {
    name: 'peek',
    summary: 'show the first messages that wait in a queue, and leave them there',
    load: async () => (await import('./commands/peek.ts')).peek,
  },
  {
    name: 'replay',
    summary: 'publish messages of the last 7 days once more, out of the history',
    load: async () => (await import('./commands/replay.ts')).replay,
  },
  {
    name: 'topology',
    summary: 'show, compare, make or export the exchanges, queues and bindings of the functions',
    load: async () => (await import('./commands/topology.ts')).topology,
  },
  {
    name: 'doctor',
    summary: 'say what is wrong with the functions, the broker and the cluster, why, and what mends it',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  {
    name: 'completion',
    summary: 'print what completes commands and options in bash or zsh',
    load: async () => (await import('./commands/completion.ts')).completionOf(entries),
  },
]
