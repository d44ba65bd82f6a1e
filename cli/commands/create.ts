import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { discoverFunctions, inspectFunctions } from '../../tooling/functions.ts'
import { renderedFiles, writeManifests } from '../../tooling/render/manifests.ts'
import { defineCommand, exitCode } from '../command.ts'
import { checkNames, type Model, models, type NewFunction, writeFunction } from '../new-function.ts'

const root = join(import.meta.dirname, '..', '..')

const options = [
  {
    name: 'from',
    type: 'text',
    placeholder: 'KIND',
    choices: Object.keys(models),
    default: 'queue',
    description:
      'what feeds it: the messages of a queue in batches, the lines of a file, or each message of a queue by itself, many at once',
  },
  {
    name: 'queue',
    type: 'text',
    placeholder: 'QUEUE',
    description: 'the queue it takes from or sends to; named as the function if absent',
  },
  {
    name: 'exchange',
    type: 'text',
    placeholder: 'EXCHANGE',
    description: 'what feeds the queue; logs for a copy of every line of input.txt; named as the queue if absent',
  },
] as const

export const create = defineCommand({
  name: 'create',
  summary: 'make a function: its folder, spec, handler and test',
  description:
    'It writes functions/NAME with a handler that works and a test that passes, its row in functions/README.md and its manifests, and changes nothing else.',
  options,
  positionals: [{ name: 'NAME', description: 'the folder, and the name in Kubernetes: a-z 0-9 -, at most 54' }],
  examples: [
    { command: 'kedafn create orders', does: 'a function that takes batches from the queue orders' },
    { command: 'kedafn create mails --from each', does: 'one that takes message by message, ten at once' },
    { command: 'kedafn create errors --exchange logs', does: 'one that gets every line of input.txt' },
    {
      command: 'kedafn create feed --from lines --queue orders',
      does: 'one that sends the lines of feed.txt to orders',
    },
  ],
  async run({ options: { from, queue, exchange }, positionals: { name = '' }, io }) {
    const wanted = { root, name, from: from as Model, queue: queue ?? name, exchange }
    checkNames(wanted)
    const { files, undo } = writeFunction(wanted)
    try {
      const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
      const facts = await inspectFunctions(root, discoverFunctions(root))
      const rendered = writeManifests(root, renderedFiles(facts, version))
      for (const file of [...files, ...rendered]) await io.stdout.write(`${file}\n`)
    } catch (error) {
      undo()
      throw error
    }
    await io.stderr.write(nextOf(wanted))
    return exitCode.done
  },
})

/** What to type next, for a person. */
function nextOf({ name, from, queue, exchange }: NewFunction): string {
  const feed =
    from === 'lines'
      ? `echo hello >> ${name}.txt`
      : exchange === 'logs'
        ? 'echo hello >> input.txt'
        : `echo hello | npx kedafn publish ${queue}`
  const result = from === 'lines' ? `its messages: the queue ${queue}` : `what it logs: .kedafn/logs/${name}*.log`
  return `
next, edit functions/${name}/function.ts, or try it as it is:
  npx kedafn test functions/${name}
  npx kedafn start --fast 10
and in a second terminal, while that runs:
  ${feed}
${result}
`
}
