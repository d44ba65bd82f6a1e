/**
 * All that can be said of the code without running it: types, lint and format, what is unused, pages that drifted.
 * Prints one line a check, and the output of those that failed; exits with 1 if any did.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const tool = (name: string): string => join('node_modules', '.bin', name)

/** What is run by this very Node, by the name that is printed. */
const checks: Readonly<Record<string, readonly string[]>> = {
  types: [tool('tsc'), '-p', '.', '--pretty', 'false'],
  'lint, format': [tool('biome'), 'ci', '--colors=off', '--max-diagnostics=50', '--error-on-warnings', '.'],
  unused: [tool('knip'), '--no-progress', '--no-config-hints'],
  reference: [join('tooling', 'reference.ts'), '--check'],
  commands: [join('tooling', 'cli-reference.ts'), '--check'],
  manifests: ['build.mjs', '--manifests', '--check'],
}

const shownLines = 150

interface Result {
  readonly passed: boolean
  readonly seconds: number
  readonly output: string
}

function run(args: readonly string[]): Promise<Result> {
  const begin = performance.now()
  const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, NO_COLOR: '1' }, stdio: 'pipe' })
  let output = ''
  const collect = (text: string): void => {
    output += text
  }
  child.stdout.setEncoding('utf8').on('data', collect)
  child.stderr.setEncoding('utf8').on('data', collect)
  return new Promise((resolve) => {
    const end = (passed: boolean): void => resolve({ passed, seconds: (performance.now() - begin) / 1000, output })
    child.on('close', (code) => end(code === 0))
    child.on('error', (error) => {
      collect(`${error.message}\n`)
      end(false)
    })
  })
}

/** One cause often has hundreds of lines; the first of them say it. */
function excerpt(output: string): string {
  const lines = output.trimEnd().split('\n')
  const shown = lines.slice(0, shownLines).map((line) => `    ${line}`.trimEnd())
  if (lines.length > shownLines) shown.push(`    … ${lines.length - shownLines} lines more`)
  return `${shown.join('\n')}\n`
}

const results = Object.entries(checks).map(async ([name, args]) => {
  const { passed, seconds, output } = await run(args)
  process.stdout.write(`${passed ? 'ok    ' : 'FAILED'} ${name.padEnd(12)} ${seconds.toFixed(1)} s\n`)
  if (!passed) process.stdout.write(excerpt(output))
  return passed
})
const passed = (await Promise.all(results)).every(Boolean)
process.exitCode = passed ? 0 : 1
