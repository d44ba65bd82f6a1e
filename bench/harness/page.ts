import { type GrowthTable, isMet, type Judged, type Result, sections } from './result.ts'
import { exponentOf, type Summary } from './statistics.ts'

export interface PageOptions {
  /** The machine, its load and the versions, a line each. */
  readonly machine: readonly string[]
  readonly results: readonly Result[]
  /** The picture, relative to the page. */
  readonly picture: string
  /** What bounds a comparison that misses its goal, by `row/comparison`. */
  readonly bounds: Readonly<Record<string, string>>
}

/** Three digits that count, with commas. */
export function figure(value: number): string {
  const size = Math.abs(value)
  if (size >= 100) return Math.round(value).toLocaleString('en')
  return size >= 10 ? value.toFixed(1) : value.toFixed(2)
}

const spread = ({ min, max }: Summary): string => `${figure(min)} to ${figure(max)}`

const goalOf = ({ goal, better }: Judged): string => {
  if (goal === null) return ''
  return `${better === 'higher' ? '>=' : '<='} ${figure(goal)}`
}

function sidesOf({ ofSide, toSide, of, to, unit }: Judged): string {
  if (toSide === null) return unit
  return `${of} ${figure(ofSide.median)}, ${to} ${figure(toSide.median)} ${unit}`
}

function lineOf(row: Result, one: Judged): string {
  const measured = isMet(one) ? figure(one.value.median) : `**${figure(one.value.median)}**, missed`
  return `| ${one.what} | ${goalOf(one)} | ${measured} | ${spread(one.value)} | ${sidesOf(one)} | ${row.rounds} | \`${row.name}\` |`
}

/** A table of growth, with the exponent of each quantity under it. */
function growthOf({ x, units, points }: GrowthTable): readonly string[] {
  const exponents = units.map((_, index) => {
    const pairs = points.map(({ x: at, values }) => [at, (values[index] as Summary).median] as const)
    return pairs.length > 1 && pairs.every(([, y]) => y > 0) ? exponentOf(pairs).toFixed(2) : ''
  })
  return [
    `| ${x} | ${units.join(' | ')} |`,
    `|---|${units.map(() => '---').join('|')}|`,
    ...points.map(({ x: at, values }) => {
      const cells = values.map((value) => `${figure(value.median)} (${spread(value)})`)
      return `| ${at.toLocaleString('en')} | ${cells.join(' | ')} |`
    }),
    `| exponent | ${exponents.join(' | ')} |`,
    '',
  ]
}

const sectionOf = (title: string, results: readonly Result[]): readonly string[] => {
  const lines = results.flatMap((row) => row.judged.map((one) => lineOf(row, one)))
  const table = [
    '| what | goal | measured | spread | the sides | rounds | row |',
    '|---|---|---|---|---|---|---|',
    ...lines,
    '',
  ]
  const notes = results.flatMap(({ name, notes: said, skipped }) => [
    ...said.map((note) => `- \`${name}\`: ${note}`),
    ...skipped.map((note) => `- \`${name}\`: not measured here: ${note}`),
  ])
  const growth = results.flatMap((row) => row.growth.flatMap((grown) => [`### ${row.title}`, '', ...growthOf(grown)]))
  return [`## ${title}`, '', ...(lines.length > 0 ? table : []), ...growth, ...(notes.length > 0 ? [...notes, ''] : [])]
}

function lossesOf(results: readonly Result[], bounds: PageOptions['bounds']): readonly string[] {
  const losses = results.flatMap((row) =>
    row.judged
      .filter((one) => !isMet(one))
      .map((one) => {
        const bound = bounds[`${row.name}/${one.id}`] ?? `look at it with \`npm run bench -- --profile ${row.name}\``
        return `- ${one.what}: ${figure(one.value.median)}, goal ${goalOf(one)}. ${bound}`
      }),
  )
  return ['## Missed', '', ...(losses.length > 0 ? losses : ['No goal was missed.']), '']
}

/** The whole page, from what was measured. */
export function pageOf({ machine, results, picture, bounds }: PageOptions): string {
  const disturbed = results.filter((row) => row.disturbed > 0)
  const parts = sections.map((title) => [title, results.filter(({ section }) => section === title)] as const)
  return [
    '# Benchmarks',
    '',
    '<!-- Written by `npm run bench`; edit bench/ instead. -->',
    '',
    `![Throughput, and the phases of a cold start](${picture})`,
    '',
    ...machine.map((line) => `- ${line}`),
    ...(disturbed.length > 0
      ? [`- **Disturbed** by other load: ${disturbed.map(({ name }) => `\`${name}\``).join(', ')}`]
      : []),
    '',
    'Each number is the median of its rounds. A ratio is taken within a round, where both sides run one after the other, in turn the',
    'other way round; the spread is from the least to the most of these ratios. Sides are processes of their own; what starting costs is left out,',
    'except where starting is measured. Broker and clients share the machine. Ratios hold on other machines, lines a second do not.',
    '`npm run bench -- ROW` measures one row.',
    '',
    ...parts.flatMap(([title, rows]) => (rows.length > 0 ? sectionOf(title, rows) : [])),
    ...lossesOf(results, bounds),
  ]
    .join('\n')
    .replace(/\n+$/, '\n')
}
