import { describe, FnError } from '../runtime/core/errors.ts'
import { type Call, type Command, CommandError, type Entry, exitCode, type Io, UsageError } from './command.ts'
import { commandHelp, overview } from './help.ts'
import { nearest } from './nearest.ts'
import { safeLines, safeText } from './output/safe.ts'
import { optionsOf, parse } from './parse.ts'

/** What the composition root knows: the world without the choice of variables, which is the command's. */
export interface World extends Omit<Io, 'env'> {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly version: string
}

/** Runs one command. @returns the exit code; never rejects */
export async function run(entries: readonly Entry[], args: readonly string[], world: World): Promise<number> {
  try {
    return await dispatch(entries, args, world)
  } catch (error) {
    if (isInterruption(error, world.signal)) return exitCode.interrupted
    await world.stderr.write(messageOf(error))
    return exitCodeOf(error)
  }
}

async function dispatch(entries: readonly Entry[], args: readonly string[], world: World): Promise<number> {
  const [first, ...rest] = args
  if (first === undefined || first === '--help' || first === '-h' || (first === 'help' && rest.length === 0)) {
    await (first === undefined ? world.stderr : world.stdout).write(overview(entries, world.width))
    return first === undefined ? exitCode.wrongUse : exitCode.done
  }
  if (first === '--version') {
    await world.stdout.write(`kedafn ${world.version}, Node.js ${process.version}\n`)
    return exitCode.done
  }
  if (first === 'help') return dispatch(entries, [...rest, '--help'], world)
  const entry = entries.find(({ name }) => name === first)
  if (!entry)
    throw unknownCommand(
      first,
      entries.map(({ name }) => name),
      'kedafn --help',
    )
  return runCommand(await entry.load(), rest, world)
}

async function runCommand(command: Command, args: readonly string[], world: World): Promise<number> {
  const [first, ...rest] = args
  const { subcommands } = command
  if (subcommands && first !== undefined && !(command.run && first.startsWith('-'))) {
    const wanted = subcommands.find(({ name }) => name === `${command.name} ${first}`)
    if (wanted) return runCommand(wanted, rest, world)
    if (first !== '--help' && first !== '-h') {
      const known = subcommands.map(({ name }) => name.slice(command.name.length + 1))
      throw unknownCommand(first, known, `kedafn ${command.name} --help`, `${command.name} `)
    }
  }
  if (!command.run) {
    const isAsked = first === '--help' || first === '-h'
    await (isAsked ? world.stdout : world.stderr).write(commandHelp(command, world.width))
    return isAsked ? exitCode.done : exitCode.wrongUse
  }
  const io: Io = Object.create(world, { env: { value: visible(command, world.env), enumerable: true } })
  const { help, ...parsed } = parsedFor(command, args, io.env)
  if (help) {
    await world.stdout.write(commandHelp(command, world.width))
    return exitCode.done
  }
  return command.run({ ...parsed, options: { json: false, ...parsed.options }, typed: args, io } as Call)
}

function parsedFor(command: Command, args: readonly string[], env: Io['env']) {
  try {
    return parse(command, args, env)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    throw new UsageError(...error.problems, `kedafn ${command.name} --help shows what it takes`)
  }
}

/** The variables that the command declares. */
function visible(command: Command, env: World['env']): Io['env'] {
  const names = [
    ...(command.variables ?? []).map(({ name }) => name),
    ...optionsOf(command).flatMap((option) => option.env ?? []),
  ]
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}

function unknownCommand(typed: string, known: readonly string[], help: string, parent = ''): UsageError {
  const meant = nearest(typed, known)
  const hint = meant === null ? '' : `; did you mean ${parent}${meant}?`
  return new UsageError(`'${safeText(typed)}' is no command of kedafn${hint}`, `${help} shows what there is`)
}

/** What Ctrl-C has made of what was under way: no failure, and nothing to explain. */
function isInterruption(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && (error === signal.reason || (error instanceof Error && error.name === 'AbortError'))
}

/** What a person reads of an error: its code if it has one, what went wrong and why, what to do. */
function messageOf(error: unknown): string {
  const hasCode = error instanceof FnError || (error instanceof CommandError && error.code !== null)
  const code = hasCode ? `${error.code} ` : ''
  const advice = error instanceof CommandError && error.advice !== null ? `\n${error.advice}` : ''
  return `${safeLines(`${code}${describe(error)}${advice}`)}\n`
}

function exitCodeOf(error: unknown): number {
  const isWrongUse =
    error instanceof UsageError ||
    (error instanceof FnError && error.verdict === 'config') ||
    // Those of the build and of npm start say the same.
    (error instanceof Error && (error.name === 'BuildError' || error.name === 'UsageError'))
  return isWrongUse ? exitCode.wrongUse : exitCode.failed
}
