import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripElf } from './elf.ts'
import { type Compression, type Image, imageOf, type Layer, layerOf, layoutTar, topOf } from './layout.ts'
import { bundledPaths, sbomOf } from './sbom.ts'
import { type Architecture, libraries, nodeFiles, type SourceOptions } from './sources.ts'
import type { TarEntry } from './tar.ts'

export interface ImageOptions extends SourceOptions {
  /** Where the bundles are, a folder for each function; `images/` comes beside them. */
  readonly distDir: string
  readonly names: readonly string[]
  readonly nodeVersion: string
  readonly architectures: readonly Architecture[]
  readonly compression: Compression
  /** Of the compression; the best there is by default. */
  readonly level?: number
  readonly labels?: Readonly<Record<string, string>>
}

export interface BuiltImage {
  readonly name: string
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
export function buildImages(options: ImageOptions): readonly BuiltImage[] {
  const { root, distDir, names } = options
  const { version, description } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    version: string
    description: string
  }
  const bases = options.architectures.map((architecture) => ({
    architecture,
    layers: baseLayers(architecture, options),
  }))
  const created = new Date(0).toISOString().replace('.000', '')
  mkdirSync(join(distDir, 'images'), { recursive: true })
  return names.map((name) => {
    const facts = {
      created,
      labels: {
        'org.opencontainers.image.title': name,
        'org.opencontainers.image.description': description,
        'org.opencontainers.image.version': version,
        'org.opencontainers.image.licenses': 'Apache-2.0',
        ...options.labels,
      },
      env: ['NODE_ENV=production', 'PATH=/usr/local/bin', 'HOME=/tmp'],
      entrypoint: ['/usr/local/bin/node', '/app/function.cjs'],
    }
    const own = layerOf(functionFiles(join(distDir, name)), options)
    const images = bases.map(({ architecture, layers }) => imageOf(architecture, [...layers, own], facts))
    const reference = `docker.io/kedafn/${name}:${version}`
    const path = join(distDir, 'images', `${name}.tar`)
    replaceFile(path, layoutTar(reference, images))
    const sbom = sbomOf({ ...options, name, version, bundledPaths: bundledPaths(join(distDir, name)) })
    replaceFile(join(distDir, 'images', `${name}.cdx.json`), sbom)
    return { name, reference, path, digest: topOf(images).digest, images }
  })
}

function baseLayers(architecture: Architecture, options: ImageOptions): readonly Layer[] {
  const libs = [...libraries(architecture, options).files].map(([path, content]) => ({
    path,
    content,
    mode: path.includes('.so.') ? 0o555 : 0o444,
  }))
  const { binary, license } = nodeFiles(architecture, options)
  const node: readonly TarEntry[] = [
    { path: 'usr/local/bin/node', mode: 0o555, content: stripElf(binary) },
    { path: 'usr/share/doc/node/LICENSE', mode: 0o444, content: license },
  ]
  return [layerOf([...baseFiles, ...libs], options), layerOf(node, options)]
}

/** All that runs of a function: what is for people (the source map, the list of what was bundled) stays behind. */
function functionFiles(folder: string): readonly TarEntry[] {
  if (!existsSync(join(folder, 'function.cjs'))) throw new Error(`${folder} has no function.cjs: bundle it first`)
  return readdirSync(folder)
    .filter((file) => /\.(?:cjs|cache)$/.test(file))
    .map((file) => ({ path: `app/${file}`, mode: 0o444, content: readFileSync(join(folder, file)) }))
}

function replaceFile(path: string, content: string | Uint8Array): void {
  const fresh = `${path}.${process.pid}.new`
  writeFileSync(fresh, content)
  renameSync(fresh, path)
}
