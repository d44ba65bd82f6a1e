import assert from 'node:assert/strict'
import { globSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('../../', import.meta.url))
const core = new URL('../../runtime/core/', import.meta.url)

/** What the core must get as an argument, or not know of at all. */
const forbidden = [
  /(?<!\.)\bprocess(?:\?\.|\.|\[)/,
  /= process\b/,
  /\bglobalThis\b/,
  /\bBuffer\b/,
  /\bconsole\b/,
  /\bperformance\b/,
  /\bDate\.now\b/,
  /\bnew Date\(\s*\)/,
  /\bMath\.random\b/,
  /\bcrypto\b/,
  /\bset(Timeout|Interval|Immediate)\b/,
  /\bqueueMicrotask\b/,
  /\bfetch\b/,
  /\brequire\b/,
  /\bimport\(/,
  /\bimport\.meta\b/,
  /\bnode:/,
]

/** Prose may name what code may not. */
const withoutComments = (source: string): string => source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')

/** What stands in `source` that a file of the core may not hold. */
function impurities(source: string): string[] {
  const code = withoutComments(source)
  const imports = [...code.matchAll(/\bfrom\s+['"]([^'"]+)['"]|\bimport\s+['"]([^'"]+)['"]/g)]
  return [
    ...forbidden.flatMap((pattern) => pattern.exec(code)?.[0] ?? []),
    ...imports.map(([, from, bare]) => from ?? bare ?? '').filter((target) => !/^\.\/[a-z-]+\.ts$/.test(target)),
  ]
}

for (const file of readdirSync(core)) {
  test(`core/${file} knows no clock, no chance, no process, no package and nothing outside the core`, () => {
    assert.match(file, /^[a-z]+(-[a-z]+)*\.ts$/)
    assert.deepEqual(impurities(readFileSync(new URL(file, core), 'utf8')), [])
  })
}

for (const [source, found] of [
  ["import { readFile } from 'node:fs'", ['node:', 'node:fs']],
  ["import amqp from 'amqplib'", ['amqplib']],
  ["import type { Clock } from '../ports.ts'", ['../ports.ts']],
  ["import './core.js'", ['./core.js']],
  ["export * from '#runtime'", ['#runtime']],
  ['const at = Date.now()', ['Date.now']],
  ['const at = new Date()', ['new Date()']],
  ['const at = new Date(ms)', []],
  ['if (process.env.A) process.exit(1)', ['process.']],
  ["process['env']", ['process[']],
  ["record('messaging.process.duration')", []],
  ['const { env } = process', ['= process']],
  ["const meaning = 'handlers in one process'", []],
  ['setTimeout(fn, Math.random())', ['Math.random', 'setTimeout']],
  ["const fs = require('fs')", ['require']],
  ["const fs = await import('fs')", ['import(']],
  ['/** The process sleeps; see node:timers. */\n// setTimeout\nconst x = 1', []],
] as const) {
  test(`the search for impurities finds ${found.length === 0 ? 'none' : found.join(' and ')} in ${JSON.stringify(source)}`, () => {
    assert.deepEqual(impurities(source), found)
  })
}

test('every file of the core has its unit tests', () => {
  const tests = new Set(readdirSync(new URL('./', import.meta.url)))
  assert.deepEqual(
    readdirSync(core).filter((file) => !tests.has(file.replace(/\.ts$/, '.test.ts'))),
    [],
  )
})

/** Where a process begins, and so where its arguments are read and its end is decided. */
const roots = new Set([
  'runtime/main.ts',
  'dev/start.ts',
  'dev/simulate/main.ts',
  'dev/dashboards/main.ts',
  'cli/main.ts',
])

test('only the roots of a process read its arguments and end it', () => {
  const files = globSync(['runtime/**/*.ts', 'dev/**/*.ts', 'cli/**/*.ts', 'functions/**/*.ts', 'examples/**/*.ts'], {
    cwd: repository,
  })
  const offenders = files.filter((file) => {
    const code = withoutComments(readFileSync(`${repository}${file}`, 'utf8'))
    return !roots.has(file) && /\bprocess\.(exit|exitCode|abort|reallyExit|argv)\b/.test(code)
  })
  assert.ok(files.length > roots.size)
  assert.deepEqual(offenders, [])
})
