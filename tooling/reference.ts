/**
 * Writes the tables of `docs/reference/configuration.md` from the options themselves, between markers.
 * `node tooling/reference.ts` writes, `node tooling/reference.ts --check` exits with 1 if the page is not what would be written.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  consumerOptions,
  type IntegerOption,
  producerOptions,
  type TextOption,
  textOptions,
} from '../runtime/core/options.ts'

const page = fileURLToPath(new URL('../docs/reference/configuration.md', import.meta.url))

const code = (value: string | number): string => `\`${value}\``
const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [row(head), `|${'---|'.repeat(head.length)}`, ...rows.map(row)].join('\n')

function integerTable(options: Readonly<Record<string, IntegerOption>>): string {
  const rows = Object.values(options).map(({ spec, env, min, max, default: standard, meaning }) => {
    const [place, variable] = [spec, env].map((name) => (name === null ? '–' : code(name)))
    return [place ?? '', variable ?? '', `${min} to ${max}`, `${standard}`, meaning]
  })
  return table(['spec', 'variable', 'range', 'default', 'meaning'], rows)
}

function textTable(options: Readonly<Record<string, TextOption>>): string {
  const rows = Object.entries(options).map(([name, { default: standard, choices, meaning }]) => {
    return [
      code(name),
      choices ? choices.map(code).join(', ') : 'text',
      standard === '' ? 'not set' : code(standard),
      meaning,
    ]
  })
  return table(['variable', 'values', 'default', 'meaning'], rows)
}

/** The options of one kind of function alone; `without` are those of the other kind. */
function alone(options: Readonly<Record<string, IntegerOption>>, without: object): Record<string, IntegerOption> {
  return Object.fromEntries(Object.entries(options).filter(([key]) => !(key in without)))
}

const both = Object.fromEntries(
  Object.entries<IntegerOption>(consumerOptions).filter(([key]) => key in producerOptions),
)

const tables: Readonly<Record<string, string>> = {
  consumer: integerTable(alone(consumerOptions, producerOptions)),
  producer: integerTable(alone(producerOptions, consumerOptions)),
  both: integerTable(both),
  text: textTable(textOptions),
}

/** The page with each table in its place. @throws Error if the page has no place for one */
function rendered(current: string): string {
  return Object.entries(tables).reduce((text, [name, content]) => {
    const [begin, end] = [`<!-- table: ${name} -->\n`, '\n<!-- end -->']
    const from = text.indexOf(begin)
    const to = text.indexOf(end, from)
    if (from === -1 || to === -1) throw new Error(`${page} has no place for the table '${name}'`)
    return text.slice(0, from + begin.length) + content + text.slice(to)
  }, current)
}

const current = readFileSync(page, 'utf8')
const wanted = rendered(current)
if (current === wanted) process.exitCode = 0
else if (process.argv.includes('--check')) {
  process.stdout.write('docs/reference/configuration.md is not what the options say: run `node tooling/reference.ts`\n')
  process.exitCode = 1
} else writeFileSync(page, wanted)
