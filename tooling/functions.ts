import { fork } from 'node:child_process'
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import {
  type ConsumerSpec,
  type EnvSpec,
  type FunctionSpec,
  isConsumer,
  type ProducerSpec,
} from '../runtime/core/spec.ts'
import { each } from '../runtime/core/verdict.ts'
import type { SpecReading } from './spec-reader.ts'

/** What a person has to mend before a build is possible. The message is all there is to show; exit code 2. */
export class BuildError extends Error {
  override readonly name = 'BuildError'
}

/** A function as far as it is data: its name, and its spec with every function in it left out or inert. */
export interface FunctionFacts {
  readonly name: string
  readonly spec: FunctionSpec
}

/** The queues whose consumer asks for an order: a producer that makes such a queue has to be told. */
export const orderedQueuesOf = (facts: readonly FunctionFacts[]): ReadonlySet<string> =>
  new Set(facts.flatMap(({ spec }) => (isConsumer(spec) && spec.order !== undefined ? [spec.queue] : [])))

/** The part of a spec that is data, as {@link inspectFunctions}' child process sends it. */
export type SpecData =
  /** `single`: its handler takes one delivery at a time, on which defaults depend. */
  | ({ readonly kind: 'consumer'; readonly single: boolean } & Omit<
      ConsumerSpec<unknown, EnvSpec, unknown>,
      'decode' | 'setup' | 'handle'
    >)
  | ({ readonly kind: 'producer' } & Omit<ProducerSpec<unknown, EnvSpec>, 'encode' | 'map'>)

/** n.b. The name becomes that of a Kubernetes object: a DNS label. */
const namePattern = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/
/** An import that takes longer waits for something it should not wait for. */
const importTimeoutMs = 10_000
const packageRoot = join(import.meta.dirname, '..')

/** The module of a function, relative to the root. */
export const modulePathOf = (name: string): string => `functions/${name}/function.ts`

/**
 * The functions under `functions/`, by folder, sorted.
 * @param wanted only these; all if empty
 * @throws BuildError naming every folder that is no function and every wanted name that does not exist
 */
export function discoverFunctions(root: string, wanted: readonly string[] = []): readonly string[] {
  const folder = join(root, 'functions')
  const names = existsSync(folder) ? readdirSync(folder).filter((name) => isFolder(join(folder, name))) : []
  names.sort()
  if (names.length === 0) throw new BuildError('there are no functions; the first one is functions/<name>/function.ts')
  const asked = wanted.length === 0 ? names : [...new Set(wanted)]
  const problems = asked.flatMap((name) => {
    if (!names.includes(name)) return `no function is called ${JSON.stringify(name)}; there are ${names.join(', ')}`
    if (!namePattern.test(name)) {
      return `functions/${name}: a function's name is 1 to 63 of a-z 0-9 -, begins with a letter and does not end with -`
    }
    return existsSync(join(root, modulePathOf(name))) ? [] : `functions/${name} has no function.ts`
  })
  if (problems.length > 0) throw new BuildError(problems.join('\n'))
  return asked
}

const isFolder = (path: string): boolean => {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats?.isDirectory() === true && !/[/\\]\.[^/\\]*$/.test(path)
}

/**
 * Imports the spec of each function in one child process that may read the repository and do nothing else, and checks it.
 * @throws BuildError with all problems of all functions: a spec that is invalid, that cannot be imported, or that opens
 * something when it is imported
 */
export async function inspectFunctions(root: string, names: readonly string[]): Promise<readonly FunctionFacts[]> {
  const { readings, ended } = await readSpecs(root, names)
  const problems: string[] = []
  const facts = names.flatMap((name) => {
    const reading = readings.get(name)
    if (reading && 'spec' in reading) return { name, spec: withInertHandlers(reading.spec) }
    problems.push(reading?.problem ?? `${modulePathOf(name)}: its import ${ended}`)
    return []
  })
  if (problems.length > 0) throw new BuildError(problems.join('\n'))
  return facts
}

function readSpecs(
  root: string,
  names: readonly string[],
): Promise<{ readings: ReadonlyMap<string, SpecReading>; ended: string }> {
  const readable = new Set([root, packageRoot].flatMap((path) => [path, realpathSync(path)]))
  const modules = join(root, 'node_modules')
  if (existsSync(modules)) readable.add(realpathSync(modules))
  const child = fork(join(import.meta.dirname, 'spec-reader.ts'), [root, ...names], {
    execArgv: ['--permission', '--no-warnings', ...[...readable].map((path) => `--allow-fs-read=${path}`)],
    // The environment is not a spec's business, and what is built must not depend on it.
    env: {},
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    timeout: importTimeoutMs,
    killSignal: 'SIGKILL',
  })
  const readings = new Map<string, SpecReading>()
  child.on('message', (message) => {
    const reading = message as SpecReading
    readings.set(reading.name, reading)
  })
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = (stderr + chunk).slice(-4000)
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      const how = signal === null ? `ended the process with exit code ${code}` : 'did not end within 10 s'
      resolve({ readings, ended: stderr.trim() === '' ? how : `${how}\n${stderr.trim()}` })
    })
  })
}

const inert = (): never => {
  throw new Error('this spec is data only')
}

function withInertHandlers(data: SpecData): FunctionSpec {
  if (data.kind === 'producer') {
    const { kind: _kind, ...spec } = data
    return { ...spec, map: inert }
  }
  const { kind: _kind, single, ...spec } = data
  return { ...spec, handle: single ? each(inert) : inert }
}

/** A path as a person in `cwd` would type it. */
export function shownPath(path: string, cwd: string): string {
  const short = relative(cwd, path)
  return short === '' ? '.' : short.startsWith('..') ? path : short
}
