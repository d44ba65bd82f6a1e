import type { Bench } from './bench.ts'
import type { Quiet } from './machine.ts'
import { figure } from './page.ts'
import { judge, type Result, type Sample, summariesOf, tabulate } from './result.ts'
import type { Prepared, Row } from './row.ts'

/** Each of ten times that a side runs it may fail once: a run of a quarter of an hour shall not be for nothing. */
const attempts = 2

/** Measures a row: all its sides in each round, in turn the other way round, for who comes first may have it easier. */
export async function runRow(row: Row, bench: Bench, quiet: Quiet): Promise<Result> {
  const begun = performance.now()
  const prepared = await row.prepare(bench)
  const { full = 5, quick = 3 } = row.rounds ?? {}
  const rounds = bench.roundsOf(full, quick)
  const { samples, disturbed } = await measure(row, prepared, { bench, quiet, rounds })
  const { comparisons, growth = [], notes = [], skipped = [] } = prepared
  return {
    name: row.name,
    section: row.section,
    title: row.title,
    rounds,
    disturbed,
    seconds: (performance.now() - begun) / 1000,
    sides: summariesOf(samples),
    judged: judge(comparisons, samples),
    growth: growth.map((grown) => tabulate(grown, samples)),
    notes,
    skipped,
  }
}

interface Measuring {
  readonly bench: Bench
  readonly quiet: Quiet
  readonly rounds: number
}

async function measure(row: Row, { sides, warmUp = true }: Prepared, { bench, quiet, rounds }: Measuring) {
  const samples: Record<string, Sample[]> = Object.fromEntries(Object.keys(sides).map((name) => [name, []]))
  let disturbed = 0
  for (let round = warmUp ? 0 : 1; round <= rounds; round++) {
    if (!(await quiet.come()) && round > 0) disturbed++
    const entries = Object.entries(sides)
    const said: string[] = []
    for (const [name, side] of round % 2 ? entries : entries.toReversed()) {
      const sample = await insist(side, (error) => bench.say(`${row.name} ${name}: again, for ${error}`))
      if (round > 0) samples[name]?.push(sample)
      said.push(`${name} ${firstOf(sample)}`)
    }
    const which = round === 0 ? 'warm-up' : `round ${round}`
    bench.say(`${row.name} ${which}: ${said.join(', ')}`)
  }
  return { samples, disturbed }
}

const firstOf = (sample: Sample): string => {
  const [first] = Object.entries(sample)
  return first ? `${figure(first[1])} ${first[0]}` : ''
}

async function insist<T>(step: () => Promise<T>, failed: (error: unknown) => void): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await step()
    } catch (error) {
      if (attempt === attempts) throw error
      failed(error)
    }
  }
}
