import { parseArgs } from 'node:util'
import { allChecks, type Check, checks, wrongChecks } from './checks.ts'
import { type Found, missingTools, search } from './spin.ts'

const usage = `usage: npm run test:model -- [--deep] [--story NAME]
  --deep        larger searches too: a minute or two, up to 1 GB of memory
  --story NAME  the shortest way in which one of the wrong variants fails, step by step
`

/** Checks the model, one line a search. Exit code 1 if anything is not as it must be, 2 for a wrong call or missing tools. */
function main(): number {
  let options: { deep?: boolean; story?: string; help?: boolean }
  try {
    const known = { deep: { type: 'boolean' }, story: { type: 'string' }, help: { type: 'boolean' } } as const
    options = parseArgs({ options: known }).values
  } catch (error) {
    return refuse(`${(error as Error).message}\n${usage}`)
  }
  if (options.help) {
    process.stdout.write(usage)
    return 0
  }
  const missing = missingTools()
  if (missing !== null) return refuse(`${missing}\n`)
  if (options.story !== undefined) return tell(options.story)
  const results = (options.deep ? allChecks : checks).map((check) => report(check))
  return results.every(Boolean) ? 0 : 1
}

function refuse(why: string): number {
  process.stderr.write(why)
  return 2
}

function tell(name: string): number {
  const check = wrongChecks.find((candidate) => candidate.name === name)
  if (!check) {
    const known = wrongChecks.map((candidate) => candidate.name).join('\n  ')
    return refuse(`--story is "${name}"; expected one of\n  ${known}\n`)
  }
  process.stdout.write(`${search(check).story.join('\n')}\n`)
  return 0
}

/** True if the search found what it must. */
function report(check: Check): boolean {
  const began = performance.now()
  const found = search(check)
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  const states = `${found.states.toLocaleString('en')} states`
  process.stdout.write(
    `${check.name.padEnd(36)}${states.padStart(18)} ${seconds.padStart(6)} s  ${verdict(check, found)}\n`,
  )
  for (const step of found.violated === check.expected ? [] : found.story) process.stdout.write(`    ${step}\n`)
  return found.violated === check.expected
}

function verdict({ expected }: Check, { violated }: Found): string {
  if (violated === expected) return violated === null ? 'holds' : `violated as it must: ${violated}`
  return `WRONG: ${violated ?? 'holds'}; expected: ${expected ?? 'holds'}`
}

process.exitCode = main()
