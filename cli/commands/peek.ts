import { withBroker } from '../broker/connection.ts'
import { peekAt } from '../broker/peek.ts'
import { brokerVariables } from '../broker/reach.ts'
import { defineCommand, exitCode } from '../command.ts'
import { jsonPart, labelled, shownPart } from '../history/show.ts'
import { writeJson } from '../output/json.ts'

const most = 1000

export const peek = defineCommand({
  name: 'peek',
  summary: 'show the first messages that wait in a queue, and leave them there',
  description:
    'It takes them and hands them back, which is not for nothing: the broker counts one delivery more of each (x-delivery-count, from RabbitMQ 4.3 on ' +
    'x-acquired-count), consumers that are at work get what comes behind first, and for a moment the queue looks shorter. ' +
    'What a consumer holds is not shown. Use kedafn tail to watch without any of that.',
  reads: true,
  positionals: [{ name: 'QUEUE', description: 'the queue itself, or logs.dead, logs.retry.1000, …' }],
  options: [
    {
      type: 'number',
      name: 'count',
      short: 'n',
      placeholder: 'N',
      min: 1,
      max: most,
      default: 10,
      description: 'how many messages',
    },
    { type: 'flag', name: 'headers', description: 'show ids and headers too' },
    { type: 'flag', name: 'full', description: 'show long bodies whole' },
  ],
  examples: [
    { command: 'kedafn peek logs', does: 'the first 10' },
    { command: 'kedafn peek logs.dead --count 1 --headers', does: 'one of them, and what is known of it' },
    { command: 'kedafn peek logs --count 100 --json', does: 'for a script' },
  ],
  variables: brokerVariables,
  async run({ options, positionals, io }) {
    const { count, headers, full, json } = options
    const messages = await withBroker(io, 'kedafn peek', ({ connection }) =>
      peekAt(connection, positionals.queue ?? '', count, io.signal),
    )
    const parts = messages.flatMap((message, index) =>
      labelled(message, String(index + 1), null).map(([label, part]) => ({ label, part, number: index + 1 })),
    )
    if (json) {
      await writeJson(
        io.stdout,
        parts.map(({ part, number }) => jsonPart(part, { number })),
      )
    } else for (const { label, part } of parts) await io.stdout.write(shownPart(part, { label, headers, full }))
    if (!json) {
      const many = messages.length === 1 ? '1 message is' : `${messages.length} messages are`
      const words = `${many} back in the queue, each with one delivery more on the broker's count`
      await io.stderr.write(`${messages.length === 0 ? 'no message waits there' : words}\n`)
    }
    return exitCode.done
  },
})
