import { historyOf } from '../../runtime/core/topology.ts'
import { withBroker } from '../broker/connection.ts'
import { checkExists, historyAt, readerOf } from '../broker/history.ts'
import { brokerVariables } from '../broker/reach.ts'
import { defineCommand, exitCode } from '../command.ts'
import { matcherOf } from '../history/match.ts'
import { parsePlace } from '../history/place.ts'
import { isIn, rangeOf } from '../history/range.ts'
import { jsonPart, labelled, shownPart } from '../history/show.ts'
import { writeJsonLine } from '../output/json.ts'
import { safeText } from '../output/safe.ts'

export const tail = defineCommand({
  name: 'tail',
  summary: 'watch messages pass, without taking them',
  description:
    'It reads the history of the queue, so nobody gets a message less or later. Of packed lines each is shown. ' +
    'What goes past the exchange is not in the history: retries, redrives and replays. It ends with Ctrl-C.',
  reads: true,
  positionals: [{ name: 'QUEUE', description: 'whose messages are shown' }],
  options: [
    {
      type: 'text',
      name: 'from',
      placeholder: 'PLACE',
      description: 'begin in the past: an offset, a time (2026-11-28T10:00:00Z) or how long ago (90s, 15m, 2h, 7d)',
    },
    { type: 'text', name: 'match', placeholder: 'REGEX', description: 'only what is like this' },
    {
      type: 'number',
      name: 'count',
      short: 'n',
      placeholder: 'N',
      min: 1,
      max: Number.MAX_SAFE_INTEGER,
      description: 'end after so many',
    },
    { type: 'flag', name: 'headers', description: 'show ids and headers too' },
    { type: 'flag', name: 'full', description: 'show long bodies whole' },
    {
      type: 'text',
      name: 'exchange',
      placeholder: 'NAME',
      description: 'the exchange that feeds the queue, if its name is another',
    },
  ],
  examples: [
    { command: 'kedafn tail logs', does: 'what comes from now on' },
    { command: "kedafn tail logs --from 15m --match 'ERROR|FATAL' --headers", does: 'errors of the last 15 minutes' },
    { command: 'kedafn tail logs --from 1h --count 100 --json | jq -r .text', does: 'for a script' },
  ],
  variables: brokerVariables,
  async run({ options, positionals, io }) {
    const { from, headers, full, json, count = Number.POSITIVE_INFINITY } = options
    const matches = matcherOf(options.match)
    const exchange = options.exchange ?? positionals.queue ?? ''
    const place = from === undefined ? null : parsePlace('from', from, io.now())
    const stream = historyOf(exchange)
    const { reach, range } = await withBroker(io, 'kedafn tail', async (broker) => {
      await checkExists(broker, stream)
      return {
        reach: broker.reach,
        range: place && (await rangeOf(await historyAt(broker, exchange), place, null, io.now())),
      }
    })
    const reader = readerOf(io, reach, 'kedafn tail', stream, range?.start ?? 'next')
    void reader.begun.then(() =>
      io.stderr.write(`${safeText(stream)} from ${range?.start ?? 'now'} on; Ctrl-C ends it\n`),
    )
    const stop = () => void reader.close()
    io.signal.addEventListener('abort', stop)
    try {
      for (let shown = 0; shown < count && !io.signal.aborted; ) {
        const message = await reader.next()
        if (message === null) break
        if (range && !isIn({ ...range, untimedEnd: Number.POSITIVE_INFINITY }, message)) continue
        for (const [label, part] of labelled(message, String(message.offset), matches)) {
          if (shown++ === count) break
          if (json) await writeJsonLine(io.stdout, jsonPart(part, { offset: message.offset }))
          else await io.stdout.write(shownPart(part, { label, headers, full }))
        }
      }
    } finally {
      io.signal.removeEventListener('abort', stop)
      await reader.close()
    }
    return exitCode.done
  },
})
