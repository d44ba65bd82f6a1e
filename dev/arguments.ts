import { parseArgs } from 'node:util'
import { type Option, optionLines, parseConfigOf, twoColumns } from '../tooling/declared-options.ts'

/** What a person has to type or mend. The message is all there is to show; exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export interface StartArguments {
  readonly help: boolean
  readonly input: string | null
  readonly output: string | null
  /** The input is complete: end when all of it is written. */
  readonly once: boolean
  /** Divides every period of the scaling. */
  readonly fast: number
  readonly page: boolean
  /** Show the page in a browser. */
  readonly open: boolean
  /** Print events for a script. */
  readonly json: boolean
  /** End a process that holds more memory than its Deployment allows. */
  readonly limitMemory: boolean
}

const fastest = 100

export const startOptions = [
  {
    name: 'input',
    type: 'text',
    placeholder: 'FILE',
    description: 'the file whose lines are sent (default: INPUT_PATH, else input.txt)',
  },
  {
    name: 'output',
    type: 'text',
    placeholder: 'FILE',
    description: 'the file they come out in (default: OUTPUT_PATH, else output.txt)',
  },
  {
    name: 'once',
    type: 'flag',
    description:
      'take the input as complete and end by itself when all of it is written; begins anew if the output is missing or empty; each consumer is one process',
  },
  {
    name: 'fast',
    type: 'number',
    placeholder: 'N',
    min: 1,
    max: fastest,
    fractions: true,
    description: 'scale N times as fast as KEDA and the HPA would',
  },
  {
    name: 'limit-memory',
    type: 'flag',
    description: 'end a process that holds more memory than its Deployment in manifests/base allows',
  },
  { name: 'open', type: 'flag', description: 'show the page in a browser' },
  { name: 'no-page', type: 'flag', description: 'serve no page' },
  { name: 'json', type: 'flag', description: 'print one event a line, as JSON' },
] as const satisfies readonly Option[]

export const startVariables = [
  {
    name: 'AMQP_URL',
    description:
      'use this broker instead of a private one, or AMQP_URL_FILE: all that begins with AMQP_ is as for functions (docs/reference/configuration.md)',
  },
  {
    name: 'RABBITMQ_MANAGEMENT_URL',
    description: 'its management, http://user:password@host:port; without it nothing is scaled',
  },
  { name: 'LOG_LEVEL', description: 'debug, info, warn or error; logs are in .kedafn/logs/' },
  { name: 'NO_COLOR', description: 'no colours' },
] as const

const options = [...startOptions, { name: 'help', type: 'flag', short: 'h', description: 'this text' }] as const

export const helpText = `Runs every function of functions/ on this machine, with a broker, until Ctrl-C. Consumers are scaled
as KEDA would scale them by keda/base/; a page shows it live.

Usage: npm start -- [options]    (npm start --silent -- --json for a script)

${optionLines(options)}
Environment:

${twoColumns(
  startVariables.map(({ name, description }) => [name, description]),
  100,
)}
Ctrl-C finishes what is under way and prints a summary; a second one ends everything at once.
Exit code:

  0  all well
  1  something is left, lost or was forced
  2  something to mend in the arguments, the environment or a function
`

const hint = 'npm start -- --help shows what there is'
/** @throws UsageError */
export function parseArguments(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): StartArguments {
  // n.b. without the double dash npm keeps options for itself and hands over at most their values.
  const kept = startOptions.flatMap(({ name }) => (isKept(name, env) ? name : []))
  if (kept.length > 0) {
    const shown = kept.map((name) => `--${name}`).join(' and ')
    throw new UsageError(`npm took ${shown} for itself; options go after a double dash: npm start -- --${kept[0]}`)
  }
  const { values, positionals } = parse(args)
  if (positionals[0] !== undefined) {
    throw new UsageError(`${JSON.stringify(positionals[0])} belongs to no option; ${hint}`)
  }
  for (const name of ['input', 'output'] as const) {
    if (values[name] === '') throw new UsageError(`--${name} is empty; expected the path of a file`)
  }
  const once = values.once ?? false
  if (values.open && (once || values['no-page'])) {
    throw new UsageError(`--open needs the page, which ${once ? '--once' : '--no-page'} leaves out`)
  }
  return {
    help: values.help ?? false,
    input: values.input ?? (env.INPUT_PATH || null),
    output: values.output ?? (env.OUTPUT_PATH || null),
    once,
    fast: fastOf(values.fast, once),
    page: !once && !values['no-page'],
    open: values.open ?? false,
    json: values.json ?? false,
    limitMemory: values['limit-memory'] ?? false,
  }
}

/** n.b. npm takes `--no-page` for `page=`. */
const isKept = (name: string, env: Readonly<Record<string, string | undefined>>): boolean =>
  name === 'no-page' ? env.npm_config_page !== undefined : Boolean(env[`npm_config_${name.replaceAll('-', '_')}`])

function fastOf(text: string | undefined, once: boolean): number {
  if (text === undefined) return 1
  if (once) throw new UsageError('--fast does nothing with --once, which scales nothing; leave one of them out')
  const fast = Number(text)
  if (text.trim() !== '' && fast >= 1 && fast <= fastest) return fast
  throw new UsageError(`--fast is ${JSON.stringify(text)}; expected a number from 1 to ${fastest}`)
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: parseConfigOf(options), allowPositionals: true })
  } catch (error) {
    const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
    throw new UsageError(`${first.replace(/\. To specify.*$/, '')}; ${hint}`)
  }
}
