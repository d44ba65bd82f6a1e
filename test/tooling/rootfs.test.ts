import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { zstdDecompressSync } from 'node:zlib'
import { bundleFunctions, pinnedNodeVersion } from '../../tooling/bundle.ts'
import { downloadDir } from '../../tooling/image/command.ts'
import { buildImages } from '../../tooling/image/images.ts'
import { openVhost } from '../support/broker.ts'
import { Workspace } from '../support/workspace.ts'

const root = join(import.meta.dirname, '..', '..')
const isRoot = process.getuid?.() === 0
/** A mount namespace; where this is not root's, in a user namespace that says it is. */
const namespace = isRoot ? ['--mount'] : ['--map-root-user', '--mount']
const skip =
  process.platform !== 'linux'
    ? 'only Linux runs what is in an image'
    : spawnSync('unshare', [...namespace, 'chroot', '/', 'true']).status !== 0
      ? 'this user may make no namespaces here (unshare)'
      : false

const vhost = skip ? null : await openVhost('tooling-rootfs')
const dist = mkdtempSync(join(tmpdir(), 'kedafn-rootfs-'))
after(async () => {
  rmSync(dist, { recursive: true, force: true })
  await vhost?.dispose()
})

/** The root is read-only and holds nothing but the image and a volume. n.b. `exec` all along: signals reach Node. */
const inside = `set -e
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
mount --bind "$2" "$1/data"
user=$3; shift 3
exec chroot $user "$@"`

test('the files of an image run its function, as its user, on a read-only root, to a clean end', {
  skip,
}, async (t) => {
  const names = ['log-consumer', 'log-producer']
  await bundleFunctions({ root, outDir: dist, names })
  const [image] = await buildImages({
    root,
    names: ['log-consumer'],
    nodeVersion: await pinnedNodeVersion(),
    architectures: [process.arch === 'arm64' ? 'arm64' : 'amd64'],
    compression: 'zstd',
    level: 1,
    debianMirror: undefined,
    downloadDir: downloadDir(root),
    distDir: dist,
    layerDir: join(dist, 'layers'),
  })
  const [{ layers, config } = { layers: [], config: null }] = image?.images ?? []
  const rootfs = join(dist, 'rootfs')
  const volume = join(dist, 'volume')
  mkdirSync(rootfs)
  for (const { content } of layers) {
    execFileSync('tar', ['--extract', '--preserve-permissions', '--directory', rootfs], {
      input: zstdDecompressSync(content),
    })
  }
  mkdirSync(join(rootfs, 'data'))
  mkdirSync(volume)
  chmodSync(volume, 0o777)
  const { User, Env, Entrypoint } = JSON.parse(String(config?.content)).config
  const work = new Workspace(t, vhost?.url ?? '')
  work.write('one\ntwo\n')
  const user = isRoot ? [`--userspec=${User}`] : ['']
  const consumer = spawn(
    'unshare',
    [...namespace, 'sh', '-c', inside, 'sh', rootfs, volume, ...user, rootfs, ...Entrypoint],
    {
      env: {
        ...Object.fromEntries(Env.map((pair: string) => pair.split('='))),
        PATH: process.env.PATH,
        AMQP_URL: vhost?.url,
        OUTPUT_PATH: '/data/output.txt',
        OTEL_EXPORTER_PROMETHEUS_HOST: '127.0.0.1',
        OTEL_EXPORTER_PROMETHEUS_PORT: '0',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const exited = once(consumer, 'close')
  t.after(() => consumer.kill('SIGKILL'))
  let said = ''
  for (const stream of [consumer.stdout, consumer.stderr]) stream.on('data', (text) => (said += text))
  const producer = work.start(join(dist, 'log-producer', 'function.cjs'), { KEDAFN_ONCE: 'true' })
  assert.equal((await producer.exited).code, 0)
  const output = join(volume, 'output.txt')
  await t.waitFor(() => assert.equal(existsSync(output) ? readFileSync(output, 'utf8') : '', 'one\ntwo\n', said), {
    interval: 20,
    timeout: 30_000,
  })
  const status = readFileSync(`/proc/${consumer.pid}/status`, 'utf8')
  if (isRoot) assert.match(status, /^Uid:\s+65532\s/m)
  consumer.kill('SIGTERM')
  assert.deepEqual(await exited, [0, null], said)
})
