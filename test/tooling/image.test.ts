import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { bundleFunctions, pinnedNodeVersion } from '../../tooling/bundle.ts'
import { downloadDir } from '../../tooling/image/command.ts'
import { type BuiltImage, buildImages } from '../../tooling/image/images.ts'
import type { Compression } from '../../tooling/image/layout.ts'
import { type Architecture, libPackages } from '../../tooling/image/sources.ts'
import { readTar } from '../../tooling/image/tar.ts'

const root = join(import.meta.dirname, '..', '..')
const folder = mkdtempSync(join(tmpdir(), 'kedafn-image-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const names = ['log-consumer', 'log-producer']
let consumer: BuiltImage
let producer: BuiltImage

/** Into a folder of its own, with nothing compressed before. The level is the fastest: what counts here is the bytes' origin. */
async function build(label: string, compression: Compression, architectures: readonly Architecture[]) {
  const distDir = join(folder, label)
  for (const name of names) cpSync(join(folder, 'bundles', name), join(distDir, name), { recursive: true })
  return buildImages({
    root,
    names,
    nodeVersion: await pinnedNodeVersion(),
    architectures,
    compression,
    level: 1,
    debianMirror: undefined,
    downloadDir: downloadDir(root),
    distDir,
    layerDir: join(folder, `${label}-layers`),
  })
}

const digests = (images: readonly BuiltImage[]) => images.map(({ digest }) => digest)
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const unpack = (layer: { content: Buffer }) => readTar(zstdDecompressSync(layer.content)).files
/** EM_X86_64 and EM_AARCH64. */
const machines = { amd64: 62, arm64: 183 }

before(async () => {
  await bundleFunctions({ root, outDir: join(folder, 'bundles'), names })
  const [first, second] = await build('first', 'zstd', ['amd64', 'arm64'])
  assert.ok(first && second)
  consumer = first
  producer = second
})

test('two builds in two folders, with nothing kept from one to the other, are the same bytes', async () => {
  assert.deepEqual(digests(await build('second', 'zstd', ['amd64', 'arm64'])), digests([consumer, producer]))
  const [gzip, again] = [await build('gzip', 'gzip', ['amd64']), await build('gzip-again', 'gzip', ['amd64'])]
  assert.deepEqual(digests(again), digests(gzip))
  for (const [index, layer] of (gzip[0]?.images[0]?.layers ?? []).entries()) {
    assert.equal(`sha256:${sha256(gunzipSync(layer.content))}`, layer.diffId)
    assert.equal(layer.diffId, consumer.images[0]?.layers[index]?.diffId, 'the compression alone differs')
  }
})

test('functions share what is below them, and each adds less than 80 KB', () => {
  for (const [index, image] of consumer.images.entries()) {
    const own = image.layers.map(({ digest }) => digest)
    const others = producer.images[index]?.layers.map(({ digest }) => digest) ?? []
    assert.deepEqual(own.slice(0, 3), others.slice(0, 3))
    assert.notEqual(own[3], others[3])
    assert.ok((image.layers[3]?.content.length ?? Number.POSITIVE_INFINITY) < 80_000)
  }
})

test('the telemetry is in the image, beside the function that loads it, and its packages are in the list', () => {
  for (const { layers } of consumer.images) {
    const programs = layers.slice(-2).map((layer) => [...unpack(layer).keys()].filter((path) => path.endsWith('.cjs')))
    assert.deepEqual(programs, [['app/telemetry.cjs'], ['app/function.cjs']])
  }
  const { components } = JSON.parse(readFileSync(consumer.path.replace(/tar$/, 'cdx.json'), 'utf8')) as {
    components: { name: string; scope?: string }[]
  }
  const scopeOf = (name: string) => components.find((one) => one.name === name)?.scope
  assert.equal(scopeOf('@opentelemetry/sdk-metrics'), 'required')
  assert.equal(scopeOf('prom-client'), 'required')
})

test('the tar holds what its digests say, and leads to an image of each architecture', () => {
  const { files } = readTar(readFileSync(consumer.path))
  const read = (path: string) => JSON.parse(files.get(path)?.toString() ?? '')
  const blobs = [...files].filter(([path]) => path.startsWith('blobs/sha256/'))
  // An index; two manifests, two configurations, two times libs and Node; one telemetry, one bundle.
  assert.equal(blobs.length, 1 + 2 * 4 + 2)
  for (const [path, content] of blobs) assert.equal(sha256(content), path.slice('blobs/sha256/'.length))
  const blob = (digest: string) => read(`blobs/${digest.replace(':', '/')}`)
  const [entry] = read('index.json').manifests
  assert.equal(entry.digest, consumer.digest)
  const platforms = blob(entry.digest).manifests.map(
    ({ platform, digest }: { platform: { architecture: string }; digest: string }) => {
      const { config, architecture } = blob(blob(digest).config.digest)
      assert.equal(architecture, platform.architecture)
      assert.equal(config.User, '65532:65532')
      assert.deepEqual(config.Entrypoint, ['/usr/local/bin/node', '/app/function.cjs'])
      return architecture
    },
  )
  assert.deepEqual(platforms, ['amd64', 'arm64'])
})

test('every binary of an image is of its architecture, and the libraries it asks for are there, with their licences', () => {
  for (const { architecture, layers } of consumer.images) {
    const files = new Map(layers.flatMap((layer) => [...unpack(layer)]))
    const binaries = [...files].filter(([, content]) => content.toString('latin1', 0, 4) === '\x7fELF')
    assert.equal(binaries.length, 9, 'Node, the loader and seven libraries')
    const base = new Set([...files.keys()].map((path) => path.slice(path.lastIndexOf('/') + 1)))
    for (const [path, content] of binaries) {
      assert.equal(content.readUInt16LE(18), machines[architecture], `${architecture}: ${path}`)
      for (const name of neededBy(content)) assert.ok(base.has(name), `${architecture}: ${path} asks for ${name}`)
    }
    const licenses = [...files.values()].map(String).filter((text) => /GENERAL PUBLIC LICENSE/.test(text.slice(0, 200)))
    assert.equal(licenses.length, 3)
    for (const path of ['libc6/copyright', 'gcc-12-base/copyright', 'node/LICENSE']) {
      assert.ok((files.get(`usr/share/doc/${path}`)?.length ?? 0) > 1000, path)
    }
  }
})

/** The `DT_NEEDED` names of an ELF file, by its program headers alone. */
function neededBy(file: Buffer): string[] {
  const headers = Array.from({ length: file.readUInt16LE(56) }, (_, index) =>
    file.subarray(Number(file.readBigUInt64LE(32)) + index * 56),
  ).map((header) => ({
    type: header.readUInt32LE(0),
    offset: header.readBigUInt64LE(8),
    address: header.readBigUInt64LE(16),
    size: header.readBigUInt64LE(32),
  }))
  const dynamic = headers.find(({ type }) => type === 2)
  if (!dynamic) return []
  const entries = Array.from({ length: Number(dynamic.size) / 16 }, (_, index) => {
    const at = Number(dynamic.offset) + index * 16
    return { tag: file.readBigUInt64LE(at), value: file.readBigUInt64LE(at + 8) }
  })
  const table = entries.find(({ tag }) => tag === 5n)?.value ?? 0n
  const segment = headers.find(({ type, address, size }) => type === 1 && address <= table && table < address + size)
  const names = Number(table - (segment?.address ?? 0n) + (segment?.offset ?? 0n))
  return entries
    .filter(({ tag }) => tag === 1n)
    .map(({ value }) => {
      const from = names + Number(value)
      return file.toString('latin1', from, file.indexOf(0, from))
    })
}

test('what npm says a function needs is all in the list beside the image, with Node and every library', async () => {
  const list = JSON.parse(readFileSync(join(folder, 'first', 'images', 'log-consumer.cdx.json'), 'utf8'))
  const purls = new Set<string>(list.components.map(({ purl }: { purl: string }) => purl))
  const omit = ['dev', 'optional', 'peer'].flatMap((kind) => ['--omit', kind])
  const said = execFileSync('npm', ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx', ...omit], {
    cwd: root,
    encoding: 'utf8',
  })
  const wanted: string[] = JSON.parse(said).components.map(({ purl }: { purl: string }) => purl)
  assert.ok(wanted.some((purl) => purl.startsWith('pkg:npm/amqplib@')))
  const packages = (['amd64', 'arm64'] as const).flatMap((architecture) =>
    libPackages(architecture).map(
      ({ name, version }) =>
        `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`,
    ),
  )
  for (const purl of [...wanted, ...packages, `pkg:generic/node@${await pinnedNodeVersion()}`]) {
    assert.ok(purls.has(purl), `${purl} is missing`)
  }
  const bundled = list.components.filter(({ scope }: { scope: string }) => scope === 'required')
  assert.ok(bundled.some(({ name }: { name: string }) => name === 'amqplib'))
})
