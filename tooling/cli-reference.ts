/**
 * Writes `docs/reference/cli.md` from what the commands declare, between the page's markers.
 * `node tooling/cli-reference.ts` writes, `node tooling/cli-reference.ts --check` exits with 1 if the page is not what would be written.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Command } from '../cli/command.ts'
import { entries } from '../cli/commands.ts'
import { exitCodesOf, usageLine } from '../cli/help.ts'
import { optionsOf } from '../cli/parse.ts'
import { meaningOf, usageOf } from './declared-options.ts'

const [begin, end] = ['<!-- commands -->\n', '<!-- end -->\n']
const path = fileURLToPath(new URL('../docs/reference/cli.md', import.meta.url))

/** Of the examples: they are to be read one by one, with queues that nobody has. */
const notRun = '<!-- not run: examples; test/cli runs each command with queues and files of its own -->'

/** A bar would end its cell. */
const cell = (text: string): string => text.replaceAll('|', '\\|')
const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |\n`).join('')

function sectionOf(command: Command): string {
  const { name, summary, description, positionals = [], subcommands = [], examples, variables = [], run } = command
  const parts = [`## kedafn ${name}\n`, `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.\n`]
  if (description) parts.push(`${description.replaceAll('\n', '\n\n')}\n`)
  parts.push(
    `${notRun}\n\`\`\`sh\n${examples.map(({ command: line, does }) => `# ${does}\n${line}\n`).join('')}\`\`\`\n`,
  )
  if (run) {
    const places = positionals.map((one) => [`\`${one.name}\``, one.description])
    const options = optionsOf(command).map((one) => {
      return [`\`${usageOf(one)}\`${one.short ? `, \`-${one.short}\`` : ''}`, meaningOf(one)]
    })
    parts.push(`\`${usageLine(command)}\`\n`)
    parts.push(table(['argument', 'meaning'], [...places, ...options]))
    parts.push(
      `Exit code: ${exitCodesOf(command)
        .map(([code, meaning]) => `${code} ${meaning}`)
        .join('; ')}.\n`,
    )
  }
  if (variables.length > 0) {
    const reads = variables.map((one) => `\`${one.name}\``).join(', ')
    parts.push(`Reads ${reads}.\n`)
  }
  return [...parts, ...subcommands.map(sectionOf)].join('\n')
}

const commands = await Promise.all(entries.map(({ load }) => load()))
const overview = table(
  ['command', 'what it does'],
  entries.map(({ name, summary }) => [`[\`${name}\`](#kedafn-${name})`, summary]),
)
const content = [overview, ...commands.map(sectionOf)].join('\n')
const current = readFileSync(path, 'utf8')
const [from, to] = [current.indexOf(begin), current.indexOf(end)]
if (from === -1 || to === -1) throw new Error('docs/reference/cli.md has no place for the commands')
const wanted = current.slice(0, from + begin.length) + content + current.slice(to)
if (current !== wanted) {
  if (process.argv.includes('--check')) {
    process.stdout.write('docs/reference/cli.md is not what the commands say: run `node tooling/cli-reference.ts`\n')
    process.exitCode = 1
  } else writeFileSync(path, wanted)
}
