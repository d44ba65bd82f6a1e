import type { ErrorCode } from '../runtime/core/errors.ts'
import type { FlagOption, ListOption, Option } from '../tooling/declared-options.ts'

/**
 * What a command of `kedafn` declares of itself. Its help, its page in the reference, its completion and the reading of its
 * arguments all follow from this.
 */
export type { NumberOption, Option } from '../tooling/declared-options.ts'

export interface Positional {
  /** In capitals: `QUEUE`. */
  readonly name: string
  readonly description: string
  /** It may be left out. */
  readonly optional?: true
  /** It takes all that follows, at least one unless it is optional. The last one only. */
  readonly many?: true
}

export interface Example {
  readonly command: string
  /** What it does, in a few words. */
  readonly does: string
}

/** A variable that a command reads; all others are hidden from it. */
export interface Variable {
  readonly name: string
  readonly description: string
}

type ValueOf<O extends Option> = O extends FlagOption
  ? boolean
  : O extends ListOption
    ? readonly string[]
    : O extends { readonly type: 'number' }
      ? O extends { readonly default: number }
        ? number
        : number | undefined
      : O extends { readonly default: string }
        ? string
        : string | undefined

/** The values of the declared options, by name. */
export type Values<Options extends readonly Option[]> = {
  readonly [O in Options[number] as O['name']]: ValueOf<O>
}

/** Takes text; what is written is on its way when the promise resolves, so that a slow reader slows the writer down. */
export interface Output {
  write(chunk: string | Uint8Array): Promise<void>
}

/** The world, as a command sees it. */
export interface Io {
  readonly stdin: AsyncIterable<Uint8Array>
  readonly stdout: Output
  readonly stderr: Output
  readonly isTerminal: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean }
  /** Columns of the terminal; 80 without one. */
  readonly width: number
  /** Colours are wanted, on stdout's terminal. */
  readonly colour: boolean
  /** The variables that the command declares, and no others. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** What paths that a person types are relative to. */
  readonly cwd: string
  /** Aborts at the first Ctrl-C: finish the message at hand, say how to go on, return 130. The second one ends the process. */
  readonly signal: AbortSignal
  /** Wall clock, ms since 1970. */
  now(): number
  /** Asks on the terminal. @returns the line that was typed; null if there is no terminal */
  ask(question: string): Promise<string | null>
}

export interface Call<Options extends readonly Option[] = readonly Option[]> {
  /** With `json: boolean` if the command declares `reads`. */
  readonly options: Values<Options> & { readonly json: boolean }
  /** By name, in lower case; of one that takes many, the first. */
  readonly positionals: Readonly<Record<string, string | undefined>>
  /** All of them in their order. */
  readonly arguments: readonly string[]
  /** What was typed behind the command's name, for whoever hands it on. */
  readonly typed: readonly string[]
  readonly io: Io
}

export interface Command {
  /** As it is typed, with its parents: `dlq list`. */
  readonly name: string
  /** One line. */
  readonly summary: string
  /** More, in whole sentences: what it does, what it never does. */
  readonly description?: string
  readonly options?: readonly Option[]
  readonly positionals?: readonly Positional[]
  readonly examples: readonly Example[]
  /** What it reads of the environment. */
  readonly variables?: readonly Variable[]
  /** It only reads: it has `--json`. */
  readonly reads?: true
  /** Exit codes that it has besides 0, 1 and 2. */
  readonly exitCodes?: Readonly<Partial<Record<3 | 130, string>>>
  readonly subcommands?: readonly Command[]
  /** Absent where it only has subcommands. @returns the exit code */
  run?(call: Call): Promise<number>
}

/** What is known of a command before it is loaded. */
export interface Entry {
  readonly name: string
  readonly summary: string
  load(): Promise<Command>
}

type Declared<Options extends readonly Option[]> = Omit<Command, 'options' | 'run'> & {
  readonly options?: Options
  run?(call: Call<Options>): Promise<number>
}

/** Gives `run` the types of the declared options. */
export const defineCommand = <const Options extends readonly Option[] = readonly []>(
  command: Declared<Options>,
): Command => command as Command

/** What commands return; `docs/reference/cli.md` lists them. */
export const exitCode = {
  done: 0,
  failed: 1,
  wrongUse: 2,
  /** Something that should not be so: `doctor`, `topology diff`. */
  found: 3,
  /** Ctrl-C: what was begun is finished, and the command can go on where it stopped. */
  interrupted: 130,
} as const

/** What a person has to type otherwise. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  readonly problems: readonly string[]

  constructor(...problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/** What went wrong, in the order that a person asks: what, why, what to do. Exit code 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
  /** What to do. */
  readonly advice: string | null
  /** One of the runtime's, where it is the same failure: `docs/reference/errors.md` has a section on it. */
  readonly code: ErrorCode | null

  constructor(
    what: string,
    advice: string | null = null,
    { code = null, cause }: { code?: ErrorCode | null; cause?: unknown } = {},
  ) {
    super(what, { cause })
    this.advice = advice
    this.code = code
  }
}
