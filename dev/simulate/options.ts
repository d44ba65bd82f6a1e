import { parseArgs } from 'node:util'
import { type Option, optionLines, parseConfigOf } from '../../tooling/declared-options.ts'
import { UsageError } from '../arguments.ts'

const number = <const Name extends string>(name: Name, description: string) =>
  ({ name, type: 'text', placeholder: 'N', description }) as const

export const simulateOptions = [
  {
    name: 'trace',
    type: 'text',
    placeholder: 'FILE',
    description: 'arrivals: lines seconds,count, or a log whose lines have timestamps',
  },
  {
    name: 'function',
    type: 'text',
    placeholder: 'NAME',
    description: 'concurrency, batch, prefetch and grace of this function, and keda/base/NAME.yaml',
  },
  { name: 'object', type: 'text', placeholder: 'FILE', description: 'this ScaledObject instead' },
  {
    name: 'handler',
    type: 'text',
    placeholder: 'DURATION',
    default: '50ms',
    description: 'time of a handler for one batch: 50ms, exponential:50ms, uniform:10ms,90ms, lognormal:MEDIAN,P99',
  },
  {
    name: 'cold-start',
    type: 'text',
    placeholder: 'DURATION',
    default: '2s',
    description: 'from decision to consuming',
  },
  {
    name: 'cpu-share',
    type: 'text',
    placeholder: 'SHARE',
    default: '0.1',
    description: "how much of the handler's time is work of the one core",
  },
  number('value', 'messages a replica is for, instead of what the files say'),
  number('concurrency', 'the same for what a process handles at once'),
  number('batch', 'the same for the deliveries a handler gets at once'),
  number('max', 'the same for the most replicas'),
  number('cooldown', 'the same for the seconds without work before a function sleeps'),
  {
    name: 'tune',
    type: 'text',
    placeholder: 'TARGET',
    description: "the cheapest value, concurrency, cooldown and max that meet it, such as 'p99<30s'",
  },
  { ...number('seed', 'of what happens by chance'), default: '1' },
  { name: 'json', type: 'flag', description: 'one JSON object on stdout' },
  { name: 'svg', type: 'text', placeholder: 'FILE', description: 'a picture of backlog and replicas' },
  number('functions', 'a summary model of so many functions instead of a trace'),
  { ...number('rate', 'messages a second of all of them together'), default: '1000000' },
  { ...number('seconds', 'how long the model runs'), default: '3600' },
] as const satisfies readonly Option[]

const options = [...simulateOptions, { name: 'help', type: 'flag', short: 'h', description: 'this text' }] as const

export const helpText = `Simulates how a function is scaled: the same decisions as in the cluster, on a clock that does not wait.

Usage: npm run simulate -- --trace FILE [options]
       npm run simulate -- --functions N [options]

${optionLines(options)}`

export type SimulateArguments = ReturnType<typeof parseSimulateArguments>

/** @throws UsageError */
export function parseSimulateArguments(args: readonly string[]) {
  const hint = 'npm run simulate -- --help shows what there is'
  let values: ReturnType<typeof parse>
  try {
    values = parse(args)
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error}; ${hint}`)
  }
  if (!values.help && (values.trace === undefined) === (values.functions === undefined)) {
    throw new UsageError(`either --trace FILE or --functions N is needed; ${hint}`)
  }
  return values
}

/** What is not given has its default. */
const parse = (args: readonly string[]) => {
  const { values } = parseArgs({ args: [...args], options: parseConfigOf(options) })
  return { ...defaults, help: false, json: false, ...values }
}

const defaults = Object.fromEntries(
  simulateOptions.flatMap((option) => ('default' in option ? [[option.name, option.default]] : [])),
) as Record<'handler' | 'cold-start' | 'cpu-share' | 'seed' | 'rate' | 'seconds', string>

/** @throws UsageError */
export function numberOf(option: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= min && value <= max) return value
  throw new UsageError(`--${option} is ${JSON.stringify(text)}; expected a number of ${min} to ${max}`)
}
