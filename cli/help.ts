import type { Command, Entry, Option } from './command.ts'
import { exitCode } from './command.ts'
import { optionsOf, usageOf } from './parse.ts'

/** Pairs in two columns, the second one broken into lines that fit. */
function columns(pairs: readonly (readonly [string, string])[], width: number): string {
  const first = Math.min(30, Math.max(...pairs.map(([name]) => name.length)))
  const indent = ' '.repeat(first + 4)
  return pairs
    .map(([name, text]) => {
      const lines = wrapped(text, Math.max(30, width - indent.length))
      const head = name.length > first ? `  ${name}\n${indent}` : `  ${name.padEnd(first)}  `
      return `${head}${lines.join(`\n${indent}`)}\n`
    })
    .join('')
}

/** The text in lines of at most `width`, broken at spaces. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

const nameOf = (option: Option): string => `${option.short ? `-${option.short}, ` : ''}${usageOf(option)}`

/** What an option is, with its range, choices, default and variable. */
export function meaningOf(option: Option): string {
  const parts = [option.description]
  if (option.type === 'number') parts.push(`${option.min} to ${option.max}`)
  if (option.type === 'text' && option.choices) parts.push(option.choices.join(', '))
  if (option.type === 'list') parts.push('may be repeated')
  if ('default' in option) parts.push(`default: ${option.default}`)
  if (option.env) parts.push(`or ${option.env}`)
  const [text = '', ...more] = parts
  return more.length === 0 ? text : `${text} (${more.join('; ')})`
}

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
    parts.push(`Commands:\n${columns(pairs, width)}`)
  }
  if (positionals.length > 0) {
    parts.push(
      `Arguments:\n${columns(
        positionals.map((one) => [one.name, one.description]),
        width,
      )}`,
    )
  }
  if (run)
    parts.push(
      `Options:\n${columns(
        optionsOf(command).map((one) => [nameOf(one), meaningOf(one)]),
        width,
      )}`,
    )
  if (variables.length > 0) {
    parts.push(
      `Environment:\n${columns(
        variables.map((one) => [one.name, one.description]),
        width,
      )}`,
    )
  }
  parts.push(`Examples:\n${examples.map((one) => `  # ${one.does}\n  ${one.command}\n`).join('')}`)
  if (run) parts.push(`Exit code:\n${columns(exitCodesOf(command), width)}`)
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
    `Commands:\n${columns(
      entries.map(({ name, summary }) => [name, summary]),
      width,
    )}`,
    `Options:\n${columns(
      [
        ['-h, --help', 'this text; kedafn COMMAND --help shows what a command takes'],
        ['--version', 'the version, and that of Node.js'],
      ],
      width,
    )}`,
  ].join('\n')}`
}
