/**
 * Options as data: what a script of this repository or a command of `kedafn` takes. Help, the reading of arguments, the reference
 * and the completion follow from one list.
 */
import type { ParseArgsOptionDescriptor } from 'node:util'

interface OptionBase {
  /** Without the dashes: `dry-run`. */
  readonly name: string
  /** One letter. */
  readonly short?: string
  readonly description: string
  /** The variable that stands for it where it is not given. */
  readonly env?: string
}

/** A switch: given or not. */
export interface FlagOption extends OptionBase {
  readonly type: 'flag'
}

export interface TextOption extends OptionBase {
  readonly type: 'text'
  /** What stands for its value in the help: `FILE`. */
  readonly placeholder: string
  readonly default?: string
  /** The only values accepted. */
  readonly choices?: readonly string[]
}

export interface NumberOption extends OptionBase {
  readonly type: 'number'
  readonly placeholder: string
  readonly min: number
  readonly max: number
  /** Fractions are accepted. @default false */
  readonly fractions?: true
  readonly default?: number
}

/** May be given more than once. */
export interface ListOption extends OptionBase {
  readonly type: 'list'
  readonly placeholder: string
}

export type Option = FlagOption | TextOption | NumberOption | ListOption

type Kind<O extends Option> = O extends FlagOption ? 'boolean' : 'string'
type Config<Options extends readonly Option[]> = {
  readonly [O in Options[number] as O['name']]: { readonly type: Kind<O> } & (O extends ListOption
    ? { readonly multiple: true }
    : unknown)
}

/** For `parseArgs`. Values are texts, as they were typed; those that are not given are absent. */
export const parseConfigOf = <const Options extends readonly Option[]>(options: Options): Config<Options> =>
  Object.fromEntries(
    options.map(({ name, short, type }): [string, ParseArgsOptionDescriptor] => [
      name,
      {
        type: type === 'flag' ? 'boolean' : 'string',
        ...(short ? { short } : {}),
        ...(type === 'list' ? { multiple: true } : {}),
      },
    ]),
  ) as unknown as Config<Options>

/** `--output FILE`. */
export const usageOf = (option: Option): string =>
  option.type === 'flag' ? `--${option.name}` : `--${option.name} ${option.placeholder}`

const nameOf = (option: Option): string => usageOf(option) + (option.short ? `, -${option.short}` : '')

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

/** The lines of a help that say what options there are. */
export const optionLines = (options: readonly Option[], width = 100): string =>
  twoColumns(
    options.map((option) => [nameOf(option), meaningOf(option)]),
    width,
  )

/** Pairs in two columns, the second one broken into lines that fit. */
export function twoColumns(pairs: readonly (readonly [string, string])[], width: number): string {
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
