import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BuildError } from '../functions.ts'
import { telemetryFiles } from '../telemetry-bundle.ts'
import { codeCacheOf, startSource } from './code-cache.ts'
import { stripElf } from './elf.ts'
import { type Image, imageOf, type Layer, type LayerOptions, layerOf, layoutTar, replaceFile, topOf } from './layout.ts'
import { bundledPaths, sbomOf } from './sbom.ts'
import { type Architecture, libraries, nodeFiles, type SourceOptions } from './sources.ts'
import type { TarEntry } from './tar.ts'

export interface ImageOptions extends SourceOptions, LayerOptions {
  /** Where the bundles are, a folder for each function; `images/` comes beside them. */
  readonly distDir: string
  readonly names: readonly string[]
  readonly nodeVersion: string
  readonly architectures: readonly Architecture[]
  /** Adds what V8 made of each function: it starts sooner, and the image can be made by a Node of its own kind alone. */
  readonly codeCache?: boolean
  readonly labels?: Readonly<Record<string, string>>
}

export interface BuiltImage {
  readonly name: string
  readonly version: string
  /** In full, such as `docker.io/kedafn/log-consumer:0.1.0`. */
  readonly reference: string
  readonly path: string
  readonly digest: string
  readonly images: readonly Image[]
}

/** What a function writes stands on a volume; its root is read-only and holds nothing of its user's. */
const baseFiles: readonly TarEntry[] = [
  { path: 'tmp/', mode: 0o1777 },
  text('etc/passwd', 'root:x:0:0:root:/:/none\nnonroot:x:65532:65532:nonroot:/tmp:/none\n'),
  text('etc/group', 'root:x:0:\nnonroot:x:65532:\n'),
  // n.b. Without it glibc asks DNS before /etc/hosts.
  text('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
]

function text(path: string, content: string): TarEntry {
  return { path, mode: 0o444, content: Buffer.from(content) }
}

/** Packs each bundle with Node and its libraries: `images/<name>.tar`, and what is in it, `images/<name>.cdx.json`. */
export async function buildImages(options: ImageOptions): Promise<readonly BuiltImage[]> {
  const { root, distDir, names } = options
  const { version, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string
    description: string
  }
  const foreign = options.architectures.filter((architecture) => architecture !== ownArchitecture)
  if (options.codeCache && foreign.length > 0) {
    throw new BuildError(`a code cache for linux/${foreign.join(', linux/')} cannot be made on ${ownPlatform}`)
  }
  const bases = await Promise.all(
    options.architectures.map(async (architecture) => ({
      architecture,
      layers: await baseLayers(architecture, options),
    })),
  )
  const built: BuiltImage[] = []
  for (const name of names) {
    const facts = {
      created: '1970-01-01T00:00:00Z',
      labels: {
        'org.opencontainers.image.title': name,
        'org.opencontainers.image.description': description,
        'org.opencontainers.image.version': version,
        'org.opencontainers.image.licenses': 'Apache-2.0',
        ...options.labels,
      },
      env: ['NODE_ENV=production', 'PATH=/usr/local/bin', 'HOME=/tmp'],
      entrypoint: ['/usr/local/bin/node', options.codeCache ? '/app/start.cjs' : '/app/function.cjs'],
    }
    const files = functionFiles(join(distDir, name))
    if (options.codeCache) files.push(...(await cacheFiles(name, join(distDir, name))))
    // The telemetry is the same for every function, so it is a layer that they share.
    const telemetry = filesOf(join(distDir, name), Object.keys(telemetryFiles))
    const own = await Promise.all(
      [telemetry, files].filter(({ length }) => length > 0).map((some) => layerOf(some, options)),
    )
    const images = bases.map(({ architecture, layers }) => imageOf(architecture, [...layers, ...own], facts))
    const reference = `docker.io/kedafn/${name}:${version}`
    const path = join(distDir, 'images', `${name}.tar`)
    replaceFile(path, layoutTar(reference, images))
    const sbom = sbomOf({ ...options, name, version, bundledPaths: bundledPaths(join(distDir, name)) })
    replaceFile(join(distDir, 'images', `${name}.cdx.json`), sbom)
    built.push({ name, version, reference, path, digest: topOf(images).digest, images })
  }
  return built
}

function baseLayers(architecture: Architecture, options: ImageOptions): Promise<readonly Layer[]> {
  const libs = [...libraries(architecture, options)].map(([path, content]) => ({
    path,
    content,
    mode: path.includes('.so.') ? 0o555 : 0o444,
  }))
  const { binary, license } = nodeFiles(architecture, options)
  const node: readonly TarEntry[] = [
    { path: 'usr/local/bin/node', mode: 0o555, content: stripElf(binary) },
    { path: 'usr/share/doc/node/LICENSE', mode: 0o444, content: license },
  ]
  return Promise.all([layerOf([...baseFiles, ...libs], options), layerOf(node, options)])
}

const ownPlatform = `${process.platform}/${process.arch}`
const ownArchitecture = { 'linux/x64': 'amd64', 'linux/arm64': 'arm64' }[ownPlatform]

async function cacheFiles(name: string, folder: string): Promise<readonly TarEntry[]> {
  const cache = await codeCacheOf(name, join(folder, 'function.cjs'))
  return [text('app/start.cjs', startSource), { path: 'app/function.cache', mode: 0o444, content: cache }]
}

/** All that runs of a function, its telemetry apart: what is for people (the source map, the list of what was bundled) stays behind. */
function functionFiles(folder: string): TarEntry[] {
  const path = join(folder, 'function.cjs')
  if (!existsSync(path)) throw new Error(`${folder} has no function.cjs: bundle it first`)
  return filesOf(folder, ['function.cjs'])
}

function filesOf(folder: string, names: readonly string[]): TarEntry[] {
  return names
    .filter((name) => existsSync(join(folder, name)))
    .map((name) => ({ path: `app/${name}`, mode: 0o444, content: readFileSync(join(folder, name)) }))
}
