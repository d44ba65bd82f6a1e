import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { UsageError } from './command.ts'

/** What a new function is copied from, by what feeds it: an example, so that it is checked and tested as one. */
export const models = { queue: 'from-queue', lines: 'from-lines', each: 'from-each' } as const
export type Model = keyof typeof models

export interface NewFunction {
  readonly root: string
  readonly name: string
  readonly from: Model
  /** @default the name */
  readonly queue: string
  /** The exchange that the queue is bound to. @default the queue */
  readonly exchange: string | undefined
}

const longest = 54
const nameRule = `1 to ${longest} of a-z 0-9 -, beginning with a letter and not ending with -`
/** n.b. These are files of manifests/base. */
const taken = ['broker', 'kustomization']
const queueRule = '1 to 200 of A-Z a-z 0-9 . _ -'

/** @throws UsageError naming everything that is wrong with the names */
export function checkNames({ root, name, queue, exchange }: NewFunction): void {
  const problems: string[] = []
  if (!/^[a-z](?:[a-z0-9-]*[a-z0-9])?$/.test(name) || name.length > longest) {
    problems.push(`NAME is '${name}'; expected ${nameRule}`)
  } else if (taken.includes(name)) problems.push(`NAME is '${name}'; this name is taken in manifests/base`)
  else if (existsSync(join(root, 'functions', name))) problems.push(`functions/${name} is there already`)
  for (const [option, value] of Object.entries({ queue, exchange })) {
    if (value !== undefined && !(option === 'queue' && value === name) && !/^[A-Za-z0-9._-]{1,200}$/.test(value)) {
      problems.push(`--${option} is '${value}'; expected ${queueRule}`)
    }
  }
  if (problems.length > 0) throw new UsageError(...problems)
}

/**
 * Writes the folder and its row in `functions/README.md`.
 * @returns the files, relative to the root, and what takes all of it back
 */
export function writeFunction(wanted: NewFunction): { files: readonly string[]; undo: () => void } {
  const { root, name, from } = wanted
  const model = models[from]
  const source = join(root, 'examples', model)
  const folder = join(root, 'functions', name)
  const readme = join(root, 'functions', 'README.md')
  const before = existsSync(readme) ? readFileSync(readme, 'utf8') : null
  mkdirSync(folder)
  const undo = (): void => {
    rmSync(folder, { recursive: true, force: true })
    if (before !== null) writeFileSync(readme, before)
  }
  const files = readdirSync(source).map((file) => {
    writeFileSync(join(folder, file), adapted(readFileSync(join(source, file), 'utf8'), wanted), { flag: 'wx' })
    return `functions/${name}/${file}`
  })
  if (before === null) return { files, undo }
  writeFileSync(readme, withRow(before, `| [\`${name}\`](${name}/function.ts) | ${rowOf(wanted)} |`))
  return { files: [...files, 'functions/README.md'], undo }
}

/** The model's text with the new names. */
function adapted(text: string, { name, from, queue, exchange }: NewFunction): string {
  const model = models[from]
  const bound = exchange === undefined ? '' : `\n  exchange: '${exchange}',`
  return text.replace(`queue: '${model}',`, `queue: '${queue}',${bound}`).replaceAll(model, name)
}

const rowOf = ({ from, name, queue }: NewFunction): string =>
  from === 'lines' ? `sends the lines of \`${name}.txt\` to \`${queue}\`` : `handles the messages of \`${queue}\``

/** The table with one row more, the rows by name. */
function withRow(text: string, row: string): string {
  const lines = text.split('\n')
  const rows = lines.filter((line) => line.startsWith('| [`'))
  const at = lines.findIndex((line) => line.startsWith('| [`'))
  const others = lines.filter((line) => !line.startsWith('| [`'))
  const place = at === -1 ? others.length : at
  return [...others.slice(0, place), ...[...rows, row].sort(), ...others.slice(place)].join('\n')
}
