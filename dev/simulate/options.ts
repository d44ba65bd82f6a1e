import { parseArgs } from 'node:util'
import { UsageError } from '../arguments.ts'

export const helpText = `Simulates how a function is scaled: the same decisions as in the cluster, on a clock that does not wait.

Usage: npm run simulate -- --trace FILE [options]
       npm run simulate -- --functions N [options]

  --trace FILE        arrivals: lines seconds,count, or a log whose lines have timestamps
  --function NAME     concurrency, batch, prefetch and grace of this function, and keda/base/NAME.yaml
  --object FILE       this ScaledObject instead
  --handler DURATION  time of a handler for one batch: 50ms, exponential:50ms, uniform:10ms,90ms,
                      lognormal:MEDIAN,P99 (default: 50ms)
  --cold-start DURATION  from decision to consuming (default: 2s)
  --cpu-share SHARE   how much of the handler's time is work of the one core (default: 0.1)
  --value, --concurrency, --batch, --max, --cooldown N   instead of what the files say
  --tune 'p99<30s'    the cheapest value, concurrency, cooldown and max that meet it
  --seed N            (default: 1)
  --json              one JSON object on stdout
  --svg FILE          a picture of backlog and replicas

  --functions N       a summary model of so many functions instead of a trace
  --rate N            messages a second of all of them together (default: 1000000)
  --seconds N         (default: 3600)
`

const options = {
  trace: { type: 'string' },
  function: { type: 'string' },
  object: { type: 'string' },
  handler: { type: 'string', default: '50ms' },
  'cold-start': { type: 'string', default: '2s' },
  'cpu-share': { type: 'string', default: '0.1' },
  value: { type: 'string' },
  concurrency: { type: 'string' },
  batch: { type: 'string' },
  max: { type: 'string' },
  cooldown: { type: 'string' },
  tune: { type: 'string' },
  seed: { type: 'string', default: '1' },
  json: { type: 'boolean', default: false },
  svg: { type: 'string' },
  functions: { type: 'string' },
  rate: { type: 'string', default: '1000000' },
  seconds: { type: 'string', default: '3600' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

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

const parse = (args: readonly string[]) => parseArgs({ args: [...args], options }).values

/** @throws UsageError */
export function numberOf(option: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= min && value <= max) return value
  throw new UsageError(`--${option} is ${JSON.stringify(text)}; expected a number of ${min} to ${max}`)
}
