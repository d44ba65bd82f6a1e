import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { bundleFunctions, pinnedNodeVersion } from '../../tooling/bundle.ts'
import { buildImages } from '../../tooling/image/images.ts'
import { readTar } from '../../tooling/image/tar.ts'

const root = join(import.meta.dirname, '..', '..')
const folder = mkdtempSync(join(tmpdir(), 'kedafn-image-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('images are the same twice, share what is below the function, and hold what their digests say', async () => {
  const names = ['log-consumer', 'log-producer']
  const nodeVersion = await pinnedNodeVersion()
  const first = join(folder, 'first')
  await bundleFunctions({ root, outDir: first, names })
  const common = {
    root,
    names,
    nodeVersion,
    architectures: ['amd64'],
    compression: 'zstd',
    level: 1,
    debianMirror: undefined,
  } as const
  const cacheDir = join(root, 'node_modules', '.cache', 'kedafn-images')
  const built = buildImages({ ...common, distDir: first, cacheDir })
  const second = join(folder, 'second')
  for (const name of names) cpSync(join(first, name), join(second, name), { recursive: true })
  const again = buildImages({ ...common, distDir: second, cacheDir })
  const [consumer, producer] = built
  assert.ok(consumer && producer)
  assert.deepEqual(
    again.map(({ digest }) => digest),
    built.map(({ digest }) => digest),
  )
  const layers = (image: typeof consumer) => image.images[0]?.layers.map(({ digest }) => digest) ?? []
  assert.deepEqual(layers(consumer).slice(0, 2), layers(producer).slice(0, 2))
  assert.notEqual(layers(consumer)[2], layers(producer)[2])

  const { files } = readTar(readFileSync(consumer.path))
  const blobs = [...files].filter(([path]) => path.startsWith('blobs/sha256/'))
  assert.equal(blobs.length, 5)
  for (const [path, content] of blobs) {
    assert.equal(createHash('sha256').update(content).digest('hex'), path.slice('blobs/sha256/'.length))
  }
  const config = JSON.parse(consumer.images[0]?.config.content.toString() ?? '')
  assert.equal(config.config.User, '65532:65532')
  assert.deepEqual(config.config.Entrypoint, ['/usr/local/bin/node', '/app/function.cjs'])
})
