import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { usageOf } from '../tooling/declared-options.ts'
import { type Command, type NumberOption, type Option, type Positional, UsageError } from './command.ts'
import { nearest } from './nearest.ts'
import { safeText } from './output/safe.ts'

export interface Parsed {
  readonly help: boolean
  readonly options: Readonly<Record<string, unknown>>
  readonly positionals: Readonly<Record<string, string | undefined>>
  readonly arguments: readonly string[]
}

const helpOption: Option = { type: 'flag', name: 'help', short: 'h', description: 'this text' }
const jsonOption: Option = { type: 'flag', name: 'json', description: 'print JSON, for a script' }

/** All options that a command takes, those that every one has included. */
export const optionsOf = (command: Command): readonly Option[] => [
  ...(command.options ?? []),
  ...(command.reads ? [jsonOption] : []),
  helpOption,
]

const quoted = (text: string): string => `'${safeText(text)}'`

/**
 * Reads a command's arguments.
 * @param env the variables that stand for options
 * @throws UsageError naming every problem
 */
export function parse(
  command: Command,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Parsed {
  const problems: string[] = []
  const declared = optionsOf(command)
  const { values, positionals } = tokens(declared, args, problems)
  if (values.has('help')) return { help: true, options: {}, positionals: {}, arguments: [] }
  const options = Object.fromEntries(
    declared.map((option) => [option.name, readValue(option, values.get(option.name), env, problems)]),
  )
  const named = place(command.positionals ?? [], positionals, problems)
  if (problems.length > 0) throw new UsageError(...problems)
  return { help: false, options, positionals: named, arguments: positionals }
}

interface Tokens {
  /** What was given of each option, in order; a flag is the empty text. */
  readonly values: Map<string, string[]>
  readonly positionals: string[]
}

/**
 * n.b. parseArgs knows where an option's value ends and a positional begins. In its strict mode it stops at the first problem; without it,
 * it takes whatever stands behind an option for its value. So what is unknown or lacks its value is found here.
 */
function tokens(declared: readonly Option[], args: readonly string[], problems: string[]): Tokens {
  const config: ParseArgsOptionsConfig = {}
  for (const { name, type, short } of declared) {
    config[name] = { type: type === 'flag' ? 'boolean' : 'string', multiple: true, ...(short ? { short } : {}) }
  }
  const { tokens: found } = parseArgs({
    args: [...args],
    options: config,
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const values = new Map<string, string[]>()
  const positionals: string[] = []
  for (const token of found) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const option = declared.find(({ name }) => name === token.name)
    if (!option) problems.push(unknown(token.rawName, declared))
    else if (option.type === 'flag') {
      if (token.value !== undefined) problems.push(`--${option.name} takes no value`)
      values.set(option.name, [''])
    } else if (token.value === undefined || (!token.inlineValue && looksLikeOption(token.value))) {
      problems.push(`${token.rawName} needs a value: ${usageOf(option)}`)
    } else values.set(option.name, [...(values.get(option.name) ?? []), token.value])
  }
  for (const option of declared) {
    const given = values.get(option.name)?.length ?? 0
    if (given > 1 && option.type !== 'list') problems.push(`--${option.name} is given ${given} times`)
  }
  return { values, positionals }
}

/** A negative number is none. A value that looks like one is written behind `=`. */
const looksLikeOption = (text: string): boolean => /^-[^\d]/.test(text)

function unknown(typed: string, declared: readonly Option[]): string {
  const meant = nearest(
    typed.replace(/^--?/, ''),
    declared.map(({ name }) => name),
  )
  return `${safeText(typed)} is no option here${meant === null ? '' : `; did you mean --${meant}?`}`
}

function readValue(
  option: Option,
  given: readonly string[] | undefined,
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
): unknown {
  if (option.type === 'flag') return given !== undefined
  if (option.type === 'list') return given ?? []
  const [text = option.env === undefined ? undefined : env[option.env] || undefined] = given ?? []
  if (text === undefined) return option.default
  const label = given ? `--${option.name}` : (option.env ?? '')
  if (option.type === 'number') return numberOf(option, label, text, problems)
  if (option.choices && !option.choices.includes(text)) {
    const meant = nearest(text, option.choices)
    const hint = meant === null ? '' : `; did you mean ${meant}?`
    problems.push(`${label} is ${quoted(text)}; expected ${option.choices.join(', ')}${hint}`)
  }
  if (text === '') problems.push(`${label} is empty; expected ${option.placeholder}`)
  return text
}

function numberOf(option: NumberOption, label: string, text: string, problems: string[]): number {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  const fits = value >= option.min && value <= option.max && (option.fractions || Number.isInteger(value))
  if (!fits) {
    const kind = option.fractions ? 'a number' : 'a whole number'
    problems.push(`${label} is ${quoted(text)}; expected ${kind} from ${option.min} to ${option.max}`)
  }
  return value
}

function place(declared: readonly Positional[], given: readonly string[], problems: string[]) {
  const values: Record<string, string | undefined> = {}
  for (const [index, { name, description, optional }] of declared.entries()) {
    const value = given[index]
    if (value === undefined && !optional) problems.push(`${name} is missing: ${description}`)
    if (value === '') problems.push(`${name} is empty: ${description}`)
    values[name.toLowerCase()] = value
  }
  if (!declared.at(-1)?.many) {
    for (const extra of given.slice(declared.length)) problems.push(`${quoted(extra)} is one argument too many`)
  }
  return values
}
