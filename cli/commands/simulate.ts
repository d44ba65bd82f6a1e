import { simulateOptions } from '../../dev/simulate/options.ts'
import { defineCommand } from '../command.ts'
import { become } from '../script.ts'

export const simulate = defineCommand({
  name: 'simulate',
  summary: 'simulate how a function is scaled, on a clock that does not wait',
  description: 'The same as npm run simulate: the decisions are those of the cluster. It needs --trace or --functions.',
  options: simulateOptions,
  examples: [
    {
      command: 'kedafn simulate --trace arrivals.csv --function log-consumer',
      does: 'one function under real arrivals',
    },
    {
      command: "kedafn simulate --trace arrivals.csv --tune 'p99<30s'",
      does: 'the cheapest setting that is quick enough',
    },
    { command: 'kedafn simulate --functions 10000', does: 'a summary of ten thousand functions' },
  ],
  run: async (call) => become('dev/simulate/main.ts', call),
})
