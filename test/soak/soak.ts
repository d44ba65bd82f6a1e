/**
 * Runs a pipeline under faults and counts what became of every line. Exit code 1 if one is lost.
 *
 *   node test/soak/soak.ts [--minutes N] [--seed S]
 */
import { parseArgs } from 'node:util'
import { UsageError } from '../../dev/arguments.ts'
import { describe } from '../../runtime/core/errors.ts'
import { type Ledger, soak } from './pipeline-soak.ts'

function numberOf(option: string, value: string, min: number, max: number): number {
  const number = Number(value)
  if (value.trim() !== '' && number >= min && number <= max) return number
  throw new UsageError(`--${option} is ${JSON.stringify(value)}; expected a number from ${min} to ${max}`)
}

function show({ problems, events, ...numbers }: Ledger): string {
  const rows = Object.entries({ ...numbers, ...events }).map(([name, value]) => `${name.padEnd(20)} ${value}`)
  return [...rows, ...(problems.length === 0 ? ['conservation holds'] : problems), ''].join('\n')
}

try {
  const options = { minutes: { type: 'string', default: '10' }, seed: { type: 'string', default: '1' } } as const
  const { values } = parseArgs({ options })
  const minutes = numberOf('minutes', values.minutes, 0.1, 10_000)
  const seed = Math.trunc(numberOf('seed', values.seed, 0, 2_147_483_645))
  const say = (line: string) => void process.stderr.write(`${line}\n`)
  const ledger = await soak({ durationMs: minutes * 60_000, seed, say })
  process.stdout.write(show(ledger))
  process.exitCode = ledger.problems.length === 0 ? 0 : 1
} catch (error) {
  process.stderr.write(`${describe(error)}\n`)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
