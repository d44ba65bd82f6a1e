/**
 * Writes the tables of `docs/reference/configuration.md` from the options themselves, and so those of `metrics.md` and
 * `permissions.md`, between markers.
 * `node tooling/reference.ts` writes, `node tooling/reference.ts --check` exits with 1 if a page is not what would be written.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { labelValuesOf, type Metric, metricsOf, prometheusName } from '../runtime/core/metrics.ts'
import {
  consumerOptions,
  type IntegerOption,
  producerOptions,
  type TextOption,
  textOptions,
} from '../runtime/core/options.ts'
import { permissionsOf, type Role, type RoleOptions } from '../runtime/core/permissions.ts'

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

/** A pattern in a table: a bar would end its cell. */
const pattern = (text: string): string => code(text.replaceAll('|', '\\|'))

function permissionTable(options: Omit<RoleOptions, 'queue'>): string {
  const roles: Role[] = ['producer', 'consumer', 'scaler']
  const rows = roles.map((role) => {
    const { configure, write, read } = permissionsOf(role, { queue: 'logs', ...options })
    return [role, pattern(configure), pattern(write), pattern(read)]
  })
  return table(['role', 'configure', 'write', 'read'], rows)
}

/** What functions of these kinds show: `both` are those that every function has. */
function metricTable(of: Metric['of']): string {
  const all = new Map([...metricsOf('consumer'), ...metricsOf('producer')])
  const rows = [...all]
    .filter(([, metric]) => metric.of === of)
    .map(([name, metric]) => [
      `${code(prometheusName(name, metric))}<br>${code(name)}`,
      metric.bounds ? `${metric.kind}: ${metric.bounds.join(' ')}` : metric.kind,
      code(metric.unit),
      labelsOf(metric),
      metric.description,
    ])
  return table(['name, and in OpenTelemetry', 'kind', 'unit', 'labels', 'meaning'], rows)
}

function labelsOf(metric: Metric): string {
  const nameOf = (label: string): string => code(label.replaceAll('.', '_'))
  const fixed = Object.entries(metric.fixed ?? {}).map(([label, value]) => `${nameOf(label)} ${value}`)
  if (metric.fixed?.['messaging.system']) fixed.push(`${nameOf('messaging.destination.name')} the queue`)
  const values = labelValuesOf(metric).map((value) => (value === '' ? 'none' : value))
  const varying = metric.label ? [`${nameOf(metric.label.name)}: ${values.join(', ')}`] : []
  return [...fixed, ...varying].join('<br>') || '–'
}

const pages: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'configuration.md': {
    consumer: integerTable(alone(consumerOptions, producerOptions)),
    producer: integerTable(alone(producerOptions, consumerOptions)),
    both: integerTable(both),
    text: textTable(textOptions),
  },
  'metrics.md': {
    both: metricTable('both'),
    consumer: metricTable('consumer'),
    producer: metricTable('producer'),
  },
  'permissions.md': {
    verify: permissionTable({ topology: 'verify' }),
    declare: permissionTable({ topology: 'declare' }),
    checkpoint: permissionTable({ topology: 'verify', checkpoint: 'broker', source: 'log-producer' }),
  },
}

/** The page with each table in its place. @throws Error if the page has no place for one */
function rendered(name: string, tables: Readonly<Record<string, string>>, current: string): string {
  return Object.entries(tables).reduce((text, [table, content]) => {
    const [begin, end] = [`<!-- table: ${table} -->\n`, '\n<!-- end -->']
    const from = text.indexOf(begin)
    const to = text.indexOf(end, from)
    if (from === -1 || to === -1) throw new Error(`${name} has no place for the table '${table}'`)
    return text.slice(0, from + begin.length) + content + text.slice(to)
  }, current)
}

for (const [name, tables] of Object.entries(pages)) {
  const path = fileURLToPath(new URL(`../docs/reference/${name}`, import.meta.url))
  const current = readFileSync(path, 'utf8')
  const wanted = rendered(name, tables, current)
  if (current === wanted) continue
  if (process.argv.includes('--check')) {
    process.stdout.write(`docs/reference/${name} is not what the code says: run \`node tooling/reference.ts\`\n`)
    process.exitCode = 1
  } else writeFileSync(path, wanted)
}
