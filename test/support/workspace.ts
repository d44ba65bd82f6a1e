import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { bundleFunctions } from '../../tooling/bundle.ts'
import { FunctionProcess } from './function-process.ts'

const packageRoot = join(import.meta.dirname, '..', '..')

/** Bundles functions of a repository into a folder that goes with the test file. */
export async function bundles(
  root: string = packageRoot,
  names: readonly string[] = ['log-producer', 'log-consumer'],
  options: { readonly otlp?: boolean } = {},
): Promise<{ of(name: string): string; dispose(): void }> {
  const outDir = realpathSync(mkdtempSync(join(tmpdir(), 'kedafn-bundles-')))
  await bundleFunctions({ root, outDir, names, ...options })
  return {
    of: (name) => join(outDir, name, 'function.cjs'),
    dispose: () => rmSync(outDir, { recursive: true, force: true }),
  }
}

/** A folder of one test with the files of a pipeline in it, and the processes that the test starts there. */
export class Workspace {
  readonly folder: string
  readonly #env: Record<string, string>
  readonly #t: TestContext

  constructor(t: TestContext, amqpUrl: string) {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'kedafn-work-')))
    this.#t = t
    this.#env = {
      AMQP_URL: amqpUrl,
      INPUT_PATH: this.path('input.txt'),
      OUTPUT_PATH: this.path('output.txt'),
      KEDAFN_CHECKPOINT_PATH: this.path('checkpoint'),
    }
    t.after(() => rmSync(this.folder, { recursive: true, force: true }))
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** Starts a bundle; it is killed when the test ends, if it still runs. */
  start(bundle: string, env: Record<string, string> = {}): FunctionProcess {
    const started = new FunctionProcess(bundle, { ...this.#env, ...env }, this.folder)
    this.#t.after(() => started[Symbol.asyncDispose]())
    return started
  }

  write(content: string | Uint8Array, name = 'input.txt'): void {
    mkdirSync(this.folder, { recursive: true })
    writeFileSync(this.path(name), content)
  }

  append(content: string | Uint8Array, name = 'input.txt'): void {
    appendFileSync(this.path(name), content)
  }

  read(name = 'output.txt'): Buffer {
    return existsSync(this.path(name)) ? readFileSync(this.path(name)) : Buffer.alloc(0)
  }

  /** The lines of a file, as latin1: one character a byte. */
  lines(name = 'output.txt'): string[] {
    const content = this.read(name).toString('latin1')
    return content === '' ? [] : content.replace(/\n$/, '').split('\n')
  }
}

/** What of `expected` is missing from `seen`, how many are there more than once, and whether first appearances are in order. */
export function compareLines(expected: readonly string[], seen: readonly string[]) {
  const distinct = new Set(seen)
  const first = [...distinct]
  const wanted = new Set(expected)
  return {
    missing: expected.filter((line) => !distinct.has(line)).length,
    strangers: first.filter((line) => !wanted.has(line)).length,
    repeated: seen.length - first.length,
    ordered: first.every((line, index) => line === expected[index]),
  }
}
