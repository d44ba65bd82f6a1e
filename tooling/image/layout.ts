import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { constants, gzip, zstdCompress } from 'node:zlib'
import type { Architecture } from './sources.ts'
import { type TarEntry, tarOf } from './tar.ts'

export type Compression = 'gzip' | 'zstd'

export interface Blob {
  readonly digest: string
  readonly mediaType: string
  readonly content: Buffer
}

export interface Layer extends Blob {
  /** The digest of the layer before compression, by which a runtime knows it. */
  readonly diffId: string
}

export interface LayerOptions {
  /** Where compressed layers are kept. */
  readonly layerDir: string
  readonly compression: Compression
  /** Of the compression; the best there is by default. */
  readonly level?: number | undefined
}

const digestOf = (content: Uint8Array): string => `sha256:${createHash('sha256').update(content).digest('hex')}`

/** Compressing less than this takes no longer than looking for it. */
const keptFromBytes = 1024 * 1024

/** A layer of these files. Its compression is kept if it is large: at zstd's best that of Node takes a minute. */
export async function layerOf(
  entries: readonly TarEntry[],
  { layerDir, compression, level }: LayerOptions,
): Promise<Layer> {
  const tar = tarOf(entries)
  const diffId = digestOf(tar)
  const chosen = level ?? bestLevels[compression]
  const path = join(layerDir, `${diffId.slice(7)}-${process.versions[versionOf[compression]]}-${chosen}.${compression}`)
  const kept = tar.length >= keptFromBytes
  let content: Buffer
  if (kept && existsSync(path)) content = readFileSync(path)
  else {
    content = await compressors[compression](tar, chosen)
    if (kept) replaceFile(path, content)
  }
  return {
    digest: digestOf(content),
    diffId,
    mediaType: `application/vnd.oci.image.layer.v1.tar+${compression}`,
    content,
  }
}

const bestLevels: Readonly<Record<Compression, number>> = { gzip: 9, zstd: 19 }
/** n.b. Two versions of a compressor may write two different files. */
const versionOf = { gzip: 'zlib', zstd: 'zstd' } as const

const compressors: Readonly<Record<Compression, (tar: Buffer, level: number) => Promise<Buffer>>> = {
  gzip: (tar, level) => promisify(gzip)(tar, { level }),
  zstd: (tar, level) =>
    promisify(zstdCompress)(tar, {
      // n.b. No workers: with them `zstdCompress` of Node 26.10 leaves out the end.
      params: { [constants.ZSTD_c_compressionLevel]: level },
      pledgedSrcSize: tar.length,
    }),
}

/** Whoever reads meanwhile sees the old file or the new one. */
export function replaceFile(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true })
  const fresh = `${path}.${process.pid}.new`
  writeFileSync(fresh, content)
  renameSync(fresh, path)
}

export interface ImageFacts {
  readonly created: string
  readonly labels: Readonly<Record<string, string>>
  readonly env: readonly string[]
  readonly entrypoint: readonly string[]
}

/** An image of one architecture: its manifest and all that the manifest leads to. */
export interface Image {
  readonly architecture: Architecture
  readonly manifest: Blob
  readonly config: Blob
  readonly layers: readonly Layer[]
}

export function imageOf(architecture: Architecture, layers: readonly Layer[], facts: ImageFacts): Image {
  const config = jsonBlob('application/vnd.oci.image.config.v1+json', {
    created: facts.created,
    architecture,
    os: 'linux',
    config: {
      User: '65532:65532',
      Env: facts.env,
      Entrypoint: facts.entrypoint,
      WorkingDir: '/',
      Labels: facts.labels,
      StopSignal: 'SIGTERM',
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(() => ({ created: facts.created, created_by: 'kedafn' })),
  })
  const manifest = jsonBlob('application/vnd.oci.image.manifest.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptorOf(config),
    layers: layers.map(descriptorOf),
    annotations: facts.labels,
  })
  return { architecture, manifest, config, layers }
}

/** What a name leads to: the image itself, or a list of images if there are several architectures. */
export function topOf(images: readonly Image[]): Blob {
  const [first] = images
  if (first && images.length === 1) return first.manifest
  return jsonBlob('application/vnd.oci.image.index.v1+json', {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: images.map(({ manifest, architecture }) => ({
      ...descriptorOf(manifest),
      platform: { architecture, os: 'linux' },
    })),
  })
}

/**
 * A tar that is an OCI layout and what `docker save` writes at once: containerd reads the one, an older Docker the other.
 * @param name in full, such as `docker.io/kedafn/log-consumer:0.1.0`
 */
export function layoutTar(name: string, images: readonly Image[]): Buffer {
  const top = topOf(images)
  const tag = name.slice(name.lastIndexOf(':') + 1)
  const blobs = new Map<string, Blob>()
  for (const image of images) {
    for (const blob of [...image.layers, image.config, image.manifest]) blobs.set(blob.digest, blob)
  }
  blobs.set(top.digest, top)
  const [first] = images
  const index = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: [
      {
        ...descriptorOf(top),
        ...(first && images.length === 1 ? { platform: { architecture: first.architecture, os: 'linux' } } : {}),
        annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': tag },
      },
    ],
  }
  const dockerManifest = [
    {
      Config: blobPath(first?.config.digest ?? ''),
      RepoTags: [name.replace(/^docker\.io\//, '')],
      Layers: first?.layers.map(({ digest }) => blobPath(digest)),
    },
  ]
  return tarOf([
    { path: 'oci-layout', mode: 0o644, content: json({ imageLayoutVersion: '1.0.0' }) },
    { path: 'index.json', mode: 0o644, content: json(index) },
    { path: 'manifest.json', mode: 0o644, content: json(dockerManifest) },
    ...[...blobs.values()].map(({ digest, content }) => ({ path: blobPath(digest), mode: 0o644, content })),
  ])
}

const blobPath = (digest: string): string => `blobs/${digest.replace(':', '/')}`

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

function jsonBlob(mediaType: string, value: unknown): Blob {
  const content = json(value)
  return { digest: digestOf(content), mediaType, content }
}

const descriptorOf = ({ mediaType, digest, content }: Blob) => ({ mediaType, digest, size: content.length })
