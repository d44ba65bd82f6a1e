import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { BuildError } from '../../tooling/functions.ts'
import { dockerCredentials } from '../../tooling/image/credentials.ts'
import type { BuiltImage } from '../../tooling/image/images.ts'
import { imageOf, layerOf, topOf } from '../../tooling/image/layout.ts'
import { pushImage, readPushTarget } from '../../tooling/image/push.ts'
import { Repository } from '../../tooling/image/registry.ts'
import { digestOf, login, RegistryServer } from './registry-server.ts'

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'kedafn-push-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** An image of two architectures that is as real as a registry can tell. */
async function smallImage(t: TestContext): Promise<BuiltImage> {
  const options = { layerDir: folderOf(t), compression: 'gzip', level: 1 } as const
  const layer = (text: string) => layerOf([{ path: 'app/file', mode: 0o444, content: Buffer.from(text) }], options)
  const facts = { created: '1970-01-01T00:00:00Z', labels: {}, env: [], entrypoint: ['/x'] }
  const shared = await layer('shared')
  const images = [
    imageOf('amd64', [shared, await layer('amd64')], facts),
    imageOf('arm64', [shared, await layer('arm64')], facts),
  ]
  const { digest } = topOf(images)
  return { name: 'log-consumer', version: '1.2.3', reference: 'x', path: 'x', digest, images }
}

function loggedIn(t: TestContext, config: object): NodeJS.ProcessEnv {
  const folder = folderOf(t)
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config))
  return { PATH: `${folder}:${process.env.PATH}`, DOCKER_CONFIG: folder }
}

const auth = Buffer.from(`${login.user}:${login.password}`).toString('base64')

async function openRegistry(t: TestContext): Promise<RegistryServer> {
  const registry = await new RegistryServer().open()
  t.after(() => registry[Symbol.asyncDispose]())
  return registry
}

const message = (pattern: RegExp) => (error: unknown) => error instanceof BuildError && pattern.test(error.message)

test('an index and all it leads to are pushed with a token; a second push sends no blob again', async (t) => {
  const registry = await openRegistry(t)
  const env = loggedIn(t, { auths: { [registry.host]: { auth } } })
  const image = await smallImage(t)
  const target = readPushTarget(`${registry.host}/team/`, ['log-consumer', 'log-producer'])
  const pushed = await pushImage(image, target, env)
  assert.equal(pushed, `${registry.host}/team/log-consumer:1.2.3@${image.digest}`)
  assert.equal(digestOf(registry.manifests.get('1.2.3') ?? Buffer.alloc(0)), image.digest)
  assert.equal(registry.blobs.size, 5)
  registry.asked.length = 0
  await pushImage(image, { ...target, tag: 'again' }, env)
  assert.deepEqual([...new Set(registry.asked.map((call) => call.replace(/ .*/, '')))].sort(), ['GET', 'HEAD', 'PUT'])
  assert.ok(registry.asked.every((call) => !call.startsWith('PUT') || call.includes('/manifests/')))
  assert.ok(registry.manifests.has('again'))
})

test('Basic is answered with the login, and an identity token is exchanged for a token', async (t) => {
  const image = await smallImage(t)
  const byPassword = await openRegistry(t)
  byPassword.challenge = () => 'Basic realm="here"'
  const target = { registry: byPassword.host, repository: 'team/log-consumer', tag: 'basic' }
  await pushImage(image, target, loggedIn(t, { auths: { [`https://${byPassword.host}/v2/`]: { auth } } }))
  assert.ok(byPassword.manifests.has('basic'))
  const byToken = await openRegistry(t)
  byToken.challenge = () => `Basic realm="here", Bearer service="here",realm="http://${byToken.host}/token"`
  const identity = { auths: { [byToken.host]: { auth, identitytoken: 'an-identity-token' } } }
  await pushImage(image, { ...target, registry: byToken.host, tag: 'token' }, loggedIn(t, identity))
  assert.ok(byToken.manifests.has('token'))
  assert.ok(byToken.asked.includes('POST /token'))
})

test('what passes is tried again, to an end; what does not is told as the registry tells it', async (t) => {
  const registry = await openRegistry(t)
  const image = await smallImage(t)
  const [blob] = image.images[0]?.layers ?? []
  assert.ok(blob)
  const credentials = login
  const options = { registry: registry.host, repository: 'team/log-consumer', credentials, firstDelayMs: 1 }
  registry.faults.push('reset', 503, 429, 'reset')
  assert.equal(await new Repository(options).putBlob(blob), true)
  assert.equal(await new Repository(options).putBlob(blob), false)
  registry.faults.push(502, 502, 502, 502, 502)
  await assert.rejects(new Repository(options).putBlob(blob), message(/HEAD .*: 502; after 5 attempts$/))
  registry.faults.push('reset', 'reset', 'reset', 'reset', 'reset')
  await assert.rejects(new Repository(options).putBlob(blob), message(/after 5 attempts$/))
  const [first] = image.images
  assert.ok(first)
  await assert.rejects(
    new Repository(options).putManifest(first.manifest, 'early'),
    message(/: 400 \(MANIFEST_BLOB_UNKNOWN: early\)$/),
  )
})

test('who is not let in is told to log in, and no secret is shown or sent in the clear', async (t) => {
  const registry = await openRegistry(t)
  const image = await smallImage(t)
  const target = { registry: registry.host, repository: 'team/log-consumer', tag: undefined }
  const wrong = loggedIn(t, { auths: { [registry.host]: { auth: Buffer.from('builder:wrong').toString('base64') } } })
  await assert.rejects(pushImage(image, target, wrong), (error: Error) => {
    assert.match(error.message, /token of .*: 401 \(UNAUTHORIZED: wrong password\)\ndocker login 127/)
    assert.doesNotMatch(error.message, /builder:wrong/)
    return true
  })
  registry.challenge = () => 'Basic realm="here"'
  await assert.rejects(pushImage(image, target, loggedIn(t, {})), message(/has no login for 127.*: docker login/))
  await assert.rejects(pushImage(image, target, wrong), message(/has a login for 127.*, but it may not do this/))
  registry.challenge = () => 'Bearer realm="http://registry.invalid/token"'
  await assert.rejects(pushImage(image, target, wrong), message(/not encrypted/))
})

test('a login is looked up as Docker does: the own helper, the common helper, the file', (t) => {
  const helper = (name: string, body: string, env: NodeJS.ProcessEnv) => {
    const path = join(env.DOCKER_CONFIG ?? '', `docker-credential-${name}`)
    writeFileSync(path, `#!/bin/sh\nread -r registry\n${body}\n`)
    chmodSync(path, 0o755)
  }
  const config = {
    credHelpers: { 'own.example': 'own', 'absent.example': 'absent' },
    credsStore: 'store',
    auths: {
      'file.example': { auth },
      'https://index.docker.io/v1/': { auth },
      'odd.example': { auth: 'bm90aGluZw==' },
    },
  }
  const env = loggedIn(t, config)
  helper('own', `echo '{"Username":"<token>","Secret":"'$registry'"}'`, env)
  helper(
    'store',
    `[ "$registry" = store.example ] && echo '{"Username":"a","Secret":"b"}' || { echo credentials not found in native keychain; exit 1; }`,
    env,
  )
  assert.deepEqual(dockerCredentials('own.example', env), { identityToken: 'own.example' })
  assert.deepEqual(dockerCredentials('store.example', env), { user: 'a', password: 'b' })
  assert.deepEqual(dockerCredentials('file.example', env), login)
  assert.deepEqual(dockerCredentials('docker.io', env), login)
  assert.equal(dockerCredentials('other.example', env), null)
  assert.equal(dockerCredentials('file.example', { DOCKER_CONFIG: join(folderOf(t), 'none') }), null)
  assert.throws(() => dockerCredentials('absent.example', env), message(/docker-credential-absent/))
  assert.throws(() => dockerCredentials('odd.example', env), message(/not USER:PASSWORD in base64/))
  writeFileSync(join(env.DOCKER_CONFIG ?? '', 'config.json'), '{')
  assert.throws(() => dockerCredentials('file.example', env), message(/is not JSON/))
})

test('a target names its registry, and one name is not given to several functions', () => {
  const one = ['log-consumer']
  assert.deepEqual(readPushTarget('ghcr.io/team/logs:v1', one), {
    registry: 'ghcr.io',
    repository: 'team/logs',
    tag: 'v1',
  })
  assert.deepEqual(readPushTarget('localhost:5000/:v1', ['a', 'b']), {
    registry: 'localhost:5000',
    repository: '/',
    tag: 'v1',
  })
  for (const text of [
    'logs',
    'team/logs',
    'ghcr.io',
    'ghcr.io/Team/logs',
    'ghcr.io/a:',
    'https://ghcr.io/a',
    'a.b/c@d',
  ]) {
    assert.throws(() => readPushTarget(text, one), message(/^--push is REGISTRY\/NAME/), text)
  }
  assert.throws(() => readPushTarget('ghcr.io/team/logs', ['a', 'b']), message(/would be all of a, b/))
})

const registryProgram = spawnSync('docker-registry', ['--version'], { encoding: 'utf8' })
const noRegistry = registryProgram.error
  ? 'there is no docker-registry here (Debian: apt-get install docker-registry)'
  : false

test('the registry of the distribution project takes a push, with htpasswd and over its own uploads', {
  skip: noRegistry,
}, async (t) => {
  const folder = folderOf(t)
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  await once(probe.close(), 'close')
  // The password of `login`, by bcrypt.
  writeFileSync(
    join(folder, 'htpasswd'),
    `${login.user}:$2b$04$4bZXOuVLlB8q6TrnRtB/ueFz.NuHC4UXFWLLj.uwD3Gw9NeqbQ3g6\n`,
  )
  writeFileSync(
    join(folder, 'config.yml'),
    JSON.stringify({
      version: '0.1',
      storage: { filesystem: { rootdirectory: join(folder, 'data') } },
      http: { addr: `127.0.0.1:${port}` },
      auth: { htpasswd: { realm: 'here', path: join(folder, 'htpasswd') } },
    }),
  )
  const server = spawn('docker-registry', ['serve', join(folder, 'config.yml')], { stdio: 'ignore' })
  const exited = once(server, 'close')
  t.after(async () => {
    server.kill()
    await exited
  })
  const host = `127.0.0.1:${port}`
  const authorization = `Basic ${auth}`
  await t.waitFor(async () => assert.equal((await fetch(`http://${host}/v2/`)).status, 401), {
    interval: 50,
    timeout: 30_000,
  })
  const image = await smallImage(t)
  const env = loggedIn(t, { auths: { [host]: { auth } } })
  const target = { registry: host, repository: 'team/log-consumer', tag: 'real' }
  await pushImage(image, target, env)
  await pushImage(image, target, env)
  const read = async (path: string) => {
    const accept = 'application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json'
    const response = await fetch(`http://${host}/v2/team/log-consumer/${path}`, { headers: { authorization, accept } })
    assert.equal(response.status, 200, path)
    return Buffer.from(await response.arrayBuffer())
  }
  const top = await read('manifests/real')
  assert.equal(digestOf(top), image.digest)
  for (const { manifest, layers, config } of image.images) {
    assert.deepEqual(await read(`manifests/${manifest.digest}`), manifest.content)
    for (const blob of [...layers, config]) assert.deepEqual(await read(`blobs/${blob.digest}`), blob.content)
  }
  const wrong = loggedIn(t, { auths: { [host]: { auth: Buffer.from('builder:wrong').toString('base64') } } })
  await assert.rejects(pushImage(image, target, wrong), message(/docker login/))
})
