/**
 * Runs as a child process under Node's permission model: `spec-reader.ts ROOT NAME...` imports each function's spec,
 * checks it and sends the parent what it is, or what is wrong with it.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { checkSpec } from '../runtime/core/config.ts'
import { describe } from '../runtime/core/errors.ts'
import { isConsumer } from '../runtime/core/spec.ts'
import { isSingle } from '../runtime/core/verdict.ts'
import type { SpecData } from './functions.ts'

export type SpecReading =
  | { readonly name: string; readonly spec: SpecData }
  | { readonly name: string; readonly problem: string }

const opensNothing = 'importing a spec must open nothing: what the handler needs is opened in its setup'

let openedLater: string | null = null

async function read(root: string, name: string): Promise<SpecReading> {
  const shown = `functions/${name}/function.ts`
  const before = process.getActiveResourcesInfo()
  openedLater = null
  try {
    const module = (await import(pathToFileURL(join(root, shown)).href)) as { default?: unknown }
    // Two turns of the event loop: a refused connection is reported as an event, not as a throw.
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve))
    if (openedLater !== null) return { name, problem: `${shown}: ${openedLater}` }
    const left = leftOpen(before, process.getActiveResourcesInfo())
    if (left !== '') return { name, problem: `${shown} leaves ${left} running when it is imported; ${opensNothing}` }
    return { name, spec: dataOf(name, module.default) }
  } catch (error) {
    return { name, problem: describeFailure(root, shown, error) }
  }
}

function dataOf(name: string, exported: unknown): SpecData {
  const spec = checkSpec(name, exported)
  if (isConsumer(spec)) {
    const { decode: _decode, setup: _setup, handle, ...data } = spec
    return { kind: 'consumer', single: isSingle(handle), ...data }
  }
  const { encode: _encode, map: _map, ...data } = spec
  return { kind: 'producer', ...data }
}

function leftOpen(before: readonly string[], after: readonly string[]): string {
  const rest = [...after]
  for (const resource of before) {
    const at = rest.indexOf(resource)
    if (at !== -1) rest.splice(at, 1)
  }
  return [...new Set(rest)].join(', ')
}

function describeFailure(root: string, shown: string, error: unknown): string {
  if (isDenied(error)) return `${shown} opens something when it is imported${placeOf(root, error)}; ${opensNothing}`
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  // An invalid spec names its function and every option itself.
  if (code === 'FN_SPEC_INVALID') return describe(error)
  return `${shown} cannot be imported: ${describe(error)}${placeOf(root, error)}`
}

function isDenied(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  return ('code' in error && error.code === 'ERR_ACCESS_DENIED') || isDenied(error.cause)
}

/** Where in the repository it happened, if the stack tells. */
function placeOf(root: string, error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const prefix = pathToFileURL(`${root}/`).href
  const at = stack.indexOf(`${prefix}functions/`)
  const place = at === -1 ? undefined : /^[^\s)]+/.exec(stack.slice(at + prefix.length))?.[0]
  return place === undefined ? '' : ` (${decodeURI(place)})`
}

const [root = '', ...names] = process.argv.slice(2)
let current = ''
const failedLater = (error: unknown): void => {
  openedLater ??= isDenied(error) ? `it opens something when it is imported; ${opensNothing}` : describe(error)
}
process.on('uncaughtException', failedLater)
process.on('unhandledRejection', failedLater)
// A stream is opened at its first use, by a warning of Node's perhaps: that must not look like the doing of a spec.
void [process.stdout, process.stderr]
for (const name of names) {
  current = name
  const reading = await read(root, current)
  await new Promise((resolve) => process.send?.(reading, resolve))
}
process.exit(0)
