import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { bounds } from '../bounds.ts'
import { root } from './bench.ts'
import { type Baselines, withBaselines } from './gate.ts'
import { pageOf } from './page.ts'
import { pictureOf } from './picture.ts'
import type { Result } from './result.ts'
import type { Row } from './row.ts'
import { coldStartOf, throughputOf } from './shown.ts'

const baselinesPath = join(root, 'bench', 'baselines.json')
const pagePath = join(root, 'docs', 'benchmarks.md')
const picture = 'images/benchmarks.svg'
/** What was measured last of each row, so that a row can be measured again by itself. */
const keptPath = join(root, '.kedafn', 'bench', 'results.json')

function read(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return null
  }
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

export const readBaselines = (): Baselines => (read(baselinesPath) ?? {}) as Baselines

export function writeBaselines(results: readonly Result[], replace: boolean): void {
  write(baselinesPath, `${JSON.stringify(withBaselines(readBaselines(), results, replace), null, 2)}\n`)
}

interface Kept {
  /** What tells one machine and its versions from another. */
  readonly on: string
  readonly results: readonly Result[]
}

/** These results and, for rows that were not measured now, those that were kept of this machine; in the order of the rows. */
export function keepResults(
  machine: readonly string[],
  results: readonly Result[],
  rows: readonly Row[],
): readonly Result[] {
  // The load and the port of a private broker are others each time.
  const on = machine
    .slice(0, 2)
    .join('\n')
    .replaceAll(/, load [^\n]*|127\.0\.0\.1:\d+/g, '')
  const kept = read(keptPath) as Kept | null
  const earlier = kept?.on === on ? kept.results : []
  const all = rows.flatMap(({ name }) => [...results, ...earlier].find((result) => result.name === name) ?? [])
  write(keptPath, JSON.stringify({ on, results: all }))
  return all
}

export function writePage(machine: readonly string[], results: readonly Result[]): void {
  write(pagePath, pageOf({ machine, results, picture, bounds }))
  const shown = { throughput: throughputOf(results), coldStart: coldStartOf(results) }
  write(join(dirname(pagePath), picture), pictureOf(shown))
}
