/**
 * The bench: what the functions do against floors, rivals and arithmetic, in interleaved rounds on this machine.
 *
 *   npm run bench                        all rows; writes docs/benchmarks.md and its picture
 *   npm run bench -- --quick             the rows that CI can hold, with few messages; writes nothing
 *   npm run bench -- NAME...             these rows; add --write to put them on the page
 *   npm run bench -- --profile NAME      one round, with a CPU profile of our own processes (--strace: their system calls)
 *   npm run bench -- --list              the rows
 *
 * `--rounds N` takes so many rounds, `--rebase` makes the results the new baselines. Ends with one line of verdict; exit code 1 if a ratio is
 * below 0.85 of its baseline, or a limit is passed.
 */
import { parseArgs } from 'node:util'
import { UsageError } from '../dev/arguments.ts'
import { describe } from '../runtime/core/errors.ts'
import { Bench } from './harness/bench.ts'
import { judgeAgainst } from './harness/gate.ts'
import { Quiet } from './harness/machine.ts'
import { figure } from './harness/page.ts'
import { ProfileFolder } from './harness/profile.ts'
import { isMet, type Judged, type Result } from './harness/result.ts'
import type { Row } from './harness/row.ts'
import { runRow } from './harness/run.ts'
import { keepResults, readBaselines, writeBaselines, writePage } from './harness/store.ts'
import { rows } from './rows.ts'

const print = (line: string): void => void process.stdout.write(`${line}\n`)
const say = (line: string): void => void process.stderr.write(`${line}\n`)

const options = {
  quick: { type: 'boolean', default: false },
  write: { type: 'boolean', default: false },
  rebase: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  profile: { type: 'boolean', default: false },
  strace: { type: 'boolean', default: false },
  rounds: { type: 'string' },
} as const

function chosenRows(names: readonly string[], quick: boolean): readonly Row[] {
  if (names.length === 0) return rows.filter((row) => (quick ? row.quick : !row.onRequest))
  return names.map((name) => {
    const row = rows.find((one) => one.name === name)
    if (!row) throw new UsageError(`no row is called ${name}; there are ${rows.map((one) => one.name).join(', ')}`)
    return row
  })
}

function show(row: Result, one: Judged): string {
  const { value, goal, better, what } = one
  const wanted =
    goal === null ? '' : `   goal ${better === 'higher' ? '>=' : '<='} ${figure(goal)}${isMet(one) ? '' : '   MISSED'}`
  return `${row.name.padEnd(20)} ${what}: ${figure(value.median)} (${figure(value.min)} to ${figure(value.max)})${wanted}`
}

async function measureAll(chosen: readonly Row[], bench: Bench, quiet: Quiet): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const row of chosen) {
    try {
      const result = await runRow(row, bench, quiet)
      results.push(result)
      say(`${row.name}: ${result.seconds.toFixed(0)} s`)
      for (const one of result.judged) print(show(result, one))
      for (const { x, units, points } of result.growth) {
        for (const { label, values } of points) {
          print(
            `${row.name.padEnd(20)} ${x} ${label}: ${values.map(({ median }, index) => `${figure(median)} ${units[index]}`).join(', ')}`,
          )
        }
      }
      for (const reason of result.skipped) print(`${row.name.padEnd(20)} skipped: ${reason}`)
    } catch (error) {
      print(`${row.name.padEnd(20)} FAILED: ${describe(error)}`)
      process.exitCode = 1
    }
  }
  return results
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const { quick, profile, strace, rebase } = values
  const chosen = chosenRows(positionals, quick)
  if (values.list) {
    for (const { name, section, title, onRequest } of rows)
      print(`${name.padEnd(20)} ${section}: ${title}${onRequest ? ' (only if named)' : ''}`)
    return
  }
  if ((profile || strace) && positionals.length === 0)
    throw new UsageError('--profile and --strace take the name of a row')
  const folder = profile || strace ? new ProfileFolder(positionals.join('-')) : null
  const few = quick || folder !== null
  const bench = new Bench({
    quick: few,
    say,
    profileDir: profile ? (folder?.path ?? null) : null,
    traceDir: strace ? (folder?.path ?? null) : null,
    rounds: folder ? 1 : Number(values.rounds ?? 0),
  })
  const whole = positionals.length === 0 && !few
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // n.b. its children go with it, see Child.
    process.once(signal, () => void bench.close().finally(() => process.exit(130)))
  }
  try {
    const results = await measureAll(chosen, bench, new Quiet(few ? 5000 : 60_000))
    if (folder) {
      for (const line of folder.summary()) print(line)
      return
    }
    // What is kept of other runs is of this broker, or it does not count.
    if (whole || values.write) await bench.broker()
    const machine = await bench.machine()
    for (const line of machine) print(line)
    const verdict = judgeAgainst(readBaselines(), results)
    if (whole || rebase) writeBaselines(results, rebase)
    if (whole || values.write) writePage(machine, keepResults(machine, results, rows))
    for (const failure of verdict.failures) print(failure)
    print(verdict.line)
    if (verdict.failed) process.exitCode = 1
  } finally {
    await bench.close()
  }
}

try {
  await main()
} catch (error) {
  say(describe(error))
  process.exitCode = error instanceof UsageError ? 2 : 1
}
process.exit()
