import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
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
  readonly cacheDir: string
  readonly compression: Compression
  /** Of the compression; the best there is by default. */
  readonly level?: number | undefined
}

const digestOf = (content: Uint8Array): string => `sha256:${createHash('sha256').update(content).digest('hex')}`

/**
 * A layer of these files. Its compression is kept, since that of Node takes a minute at zstd's best.
 * @param key names the content; the same key must mean the same files
 */
export function layerOf(entries: readonly TarEntry[], { cacheDir, compression, level }: LayerOptions): Layer {
  const tar = tarOf(entries)
  const diffId = digestOf(tar)
  const best = level ?? (compression === 'gzip' ? 9 : 19)
  const path = join(
    cacheDir,
    `${diffId.slice(7)}-${process.versions.zlib}-${process.versions.zstd}-${best}.${compression}`,
  )
  let content: Buffer
  if (statSync(path, { throwIfNoEntry: false })) content = readFileSync(path)
  else {
    content = compression === 'gzip' ? gzipSync(tar, { level: best }) : zstd(tar, best)
    mkdirSync(cacheDir, { recursive: true })
    writeFileSync(`${path}.${process.pid}.new`, content)
    renameSync(`${path}.${process.pid}.new`, path)
  }
  return {
    digest: digestOf(content),
    diffId,
    mediaType: `application/vnd.oci.image.layer.v1.tar+${compression}`,
    content,
  }
}

const zstd = (tar: Buffer, level: number): Buffer =>
  zstdCompressSync(tar, {
    params: { [constants.ZSTD_c_compressionLevel]: level },
    pledgedSrcSize: tar.length,
  })

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
