import { optionLines, twoColumns, wrapped } from '../tooling/declared-options.ts'
import type { Command, Entry } from './command.ts'
import { exitCode } from './command.ts'
import { optionsOf } from './parse.ts'

/** How the command is typed: `kedafn dlq list QUEUE [options]`. */
export function usageLine({ name, positionals = [], subcommands, run }: Command): string {
  if (!run && subcommands) return `kedafn ${name} COMMAND`
  const places = positionals.map(({ name: place, optional, many }) => {
    const shown = many ? `${place}...` : place
    return optional ? `[${shown}]` : shown
  })
  return ['kedafn', name, ...places, '[options]'].join(' ')
}

const exitMeanings: Readonly<Record<number, string>> = {
  [exitCode.done]: 'done',
  [exitCode.failed]: 'failed',
  [exitCode.wrongUse]: 'something to mend in the arguments, the environment or a file',
}

export function exitCodesOf({ exitCodes = {} }: Command): readonly (readonly [string, string])[] {
  const own = Object.entries(exitCodes)
  return [...Object.entries(exitMeanings), ...own].map(([code, meaning]) => [code, meaning])
}

/** The text of `kedafn COMMAND --help`. */
export function commandHelp(command: Command, width: number): string {
  const { summary, description, positionals = [], subcommands, examples, variables = [], run } = command
  const parts = [`${capitalized(summary)}.\n`, `Usage: ${usageLine(command)}\n`]
  if (description) parts.push(paragraphs(description, width))
  if (subcommands) {
    const pairs = subcommands.map((one): [string, string] => [one.name, one.summary])
    parts.push(`Commands:\n${twoColumns(pairs, width)}`)
  }
  if (positionals.length > 0) {
    parts.push(
      `Arguments:\n${twoColumns(
        positionals.map((one) => [one.name, one.description]),
        width,
      )}`,
    )
  }
  if (run) parts.push(`Options:\n${optionLines(optionsOf(command), width)}`)
  if (variables.length > 0) {
    parts.push(
      `Environment:\n${twoColumns(
        variables.map((one) => [one.name, one.description]),
        width,
      )}`,
    )
  }
  parts.push(`Examples:\n${examples.map((one) => `  # ${one.does}\n  ${one.command}\n`).join('')}`)
  if (run) parts.push(`Exit code:\n${twoColumns(exitCodesOf(command), width)}`)
  return parts.join('\n')
}

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
const paragraphs = (text: string, width: number): string =>
  text
    .split('\n')
    .map((one) => `${wrapped(one, width).join('\n')}\n`)
    .join('')

/** The text of `kedafn --help`. */
export function overview(entries: readonly Entry[], width: number): string {
  return `${[
    'Creates, builds, runs, inspects and mends functions on RabbitMQ queues.\n',
    'Usage: kedafn COMMAND [options]\n',
    `Commands:\n${twoColumns(
      entries.map(({ name, summary }) => [name, summary]),
      width,
    )}`,
    `Options:\n${twoColumns(
      [
        ['-h, --help', 'this text; kedafn COMMAND --help shows what a command takes'],
        ['--version', 'the version, and that of Node.js'],
      ],
      width,
    )}`,
  ].join('\n')}`
}
