import { startOptions, startVariables } from '../../dev/arguments.ts'
import { defineCommand } from '../command.ts'
import { become } from '../script.ts'

export const start = defineCommand({
  name: 'start',
  summary: 'run every function on this machine, with a broker, scaled as KEDA would',
  description:
    'The same as npm start. It starts a private RabbitMQ if AMQP_URL names none. Ctrl-C finishes what is under way and prints a summary; a second one ends everything at once.',
  options: startOptions,
  variables: startVariables,
  examples: [
    { command: 'kedafn start', does: 'until Ctrl-C' },
    { command: 'kedafn start --fast 10 --open', does: 'scale ten times as fast, and show the page' },
    { command: 'kedafn start --input in.txt --output out.txt --once', does: 'one file, and end by itself' },
  ],
  run: async (call) => become('dev/start.ts', call),
})
