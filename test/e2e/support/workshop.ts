import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { UsageError } from '../../../dev/arguments.ts'

const repository = join(import.meta.dirname, '..', '..', '..')
const testFunctions = join(import.meta.dirname, '..', 'functions')

/** A copy of the repository with the functions of the scenarios in it, their manifests rendered and their images loaded. */
export interface Workshop {
  readonly root: string
  dispose(): void
}

/** @param load the command that brings the image in the file {} onto the nodes */
export async function buildWorkshop(load: string): Promise<Workshop> {
  const copy = copyRepository()
  const { root } = copy
  try {
    cpSync(testFunctions, join(root, 'functions'), { recursive: true })
    const names = ['log-producer', 'log-consumer', ...readdirSync(testFunctions)]
    run('rendering', process.execPath, ['build.mjs', '--manifests'], root)
    run('building images', process.execPath, ['build.mjs', '--image', ...names], root)
    for (const name of names) loadImage(load, join(root, 'dist', 'images', `${name}.tar`))
    return copy
  } catch (error) {
    copy.dispose()
    throw error
  }
}

/** What a clone has, of what is needed to build and to deploy, with the packages installed. */
export function copyRepository(): Workshop {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'kedafn-e2e-')))
  for (const entry of [
    'package.json',
    'package-lock.json',
    'build.mjs',
    'runtime',
    'functions',
    'tooling',
    'manifests',
    'keda',
    'cli',
    'dev',
  ]) {
    cpSync(join(repository, entry), join(root, entry), { recursive: true })
  }
  symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'))
  // What was downloaded and compressed for other images serves these too.
  const kept = join('.kedafn', 'images')
  mkdirSync(join(repository, kept), { recursive: true })
  mkdirSync(join(root, '.kedafn'))
  symlinkSync(join(repository, kept), join(root, kept))
  return { root, dispose: () => rmSync(root, { recursive: true, force: true }) }
}

/** @param load the command that brings the image in the file {} onto the nodes */
export function loadImage(load: string, file: string): void {
  const [command = '', ...args] = load.split(' ').map((word) => word.replace('{}', file))
  run(`loading ${basename(file)}`, command, args, dirname(file))
}

function run(what: string, command: string, args: readonly string[], cwd: string): void {
  const begun = performance.now()
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (status !== 0)
    throw new UsageError(`${what} failed: ${command} ${args.join(' ')}\n${error?.message ?? stdout + stderr}`)
  process.stderr.write(`${what}: ${((performance.now() - begun) / 1000).toFixed(1)} s\n`)
}
