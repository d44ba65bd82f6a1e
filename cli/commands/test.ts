import { defineCommand } from '../command.ts'
import { become } from '../script.ts'

export const test = defineCommand({
  name: 'test',
  summary: 'run tests, with a broker for those that need one',
  description: 'The same as npm test: all tests, or the files that are named.',
  options: [
    {
      name: 'minutes',
      type: 'number',
      placeholder: 'N',
      min: 1,
      max: 9999,
      description: 'how long a file may take; five if absent. Before the files',
    },
  ],
  positionals: [
    {
      name: 'FILE',
      description: 'a file or a folder of tests; unit for all that need no broker',
      optional: true,
      many: true,
    },
  ],
  examples: [
    { command: 'kedafn test functions/log-consumer', does: 'the tests of one function' },
    { command: 'kedafn test unit', does: 'all that need no broker' },
  ],
  run: async (call) => become('test/run.ts', call),
})
