import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { bundleFunctions } from '../../tooling/bundle.ts'
import { BuildError } from '../../tooling/functions.ts'
import { codeCacheOf, startSource } from '../../tooling/image/code-cache.ts'

const root = join(import.meta.dirname, '..', '..')
const dist = mkdtempSync(join(tmpdir(), 'kedafn-cache-'))
after(() => rmSync(dist, { recursive: true, force: true }))
const names = ['log-consumer', 'log-producer', 'log-alerts']
await bundleFunctions({ root, outDir: dist, names })

/** Starts a function with its cache, and with settings that it refuses: what it says shows that it ran. */
function start(name: string, cache: Uint8Array): string {
  writeFileSync(join(dist, name, 'start.cjs'), startSource)
  writeFileSync(join(dist, name, 'function.cache'), cache)
  const env = { AMQP_URL: 'nonsense' }
  const { stderr } = spawnSync(process.execPath, ['--require', './probe.cjs', 'start.cjs'], {
    cwd: join(dist, name),
    env,
    encoding: 'utf8',
  })
  return stderr
}

test('a cache is made without the code of the user, and V8 takes it; another it refuses, and starts all the same', async () => {
  for (const name of names) {
    // Says on the way out whether V8 took the cache.
    writeFileSync(
      join(dist, name, 'probe.cjs'),
      `const vm=require('node:vm'),Script=vm.Script
vm.Script=class extends Script{constructor(...args){super(...args);process.stderr.write('refused: '+this.cachedDataRejected+'\\n')}}`,
    )
    const cache = await codeCacheOf(name, join(dist, name, 'function.cjs'))
    assert.ok(cache.length > 100_000, `${cache.length} bytes: it went all the way`)
    assert.match(start(name, cache), /^refused: false\n.*AMQP_URL/s)
    assert.match(start(name, Buffer.from(cache).fill(0, 0, 64)), /^refused: true\n.*AMQP_URL/s)
  }
})

test('a function that does not come through its training fails the build, with what it said', async () => {
  const folder = join(dist, 'broken')
  mkdirSync(folder)
  writeFileSync(join(folder, 'function.cjs'), `process.stderr.write('not today'); process.exit(3)`)
  await assert.rejects(
    codeCacheOf('broken', join(folder, 'function.cjs')),
    (error) => error instanceof BuildError && /^broken does not come through.*not today$/s.test(error.message),
  )
})
