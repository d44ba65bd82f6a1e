import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { bundleFunctions, pinnedNodeVersion } from '../../tooling/bundle.ts'
import { BuildError } from '../../tooling/functions.ts'
import { copyRepository, type Repository } from './repository.ts'

const third = `import { defineConsumer, text } from '#runtime'
import { countOf } from './count.ts'

export default defineConsumer({
  queue: 'log-levels',
  exchange: 'logs',
  decode: text,
  handle: (batch, ctx) => ctx.log.info('counted', { lines: countOf(batch) }),
})
`
const helper = 'export const countOf = (list: readonly unknown[]): number => list.length\n'

function build(repository: Repository, ...args: string[]) {
  const options = { cwd: repository.root, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } } as const
  return spawnSync(process.execPath, ['build.mjs', ...args], options)
}

test('a third folder builds with no other file touched; stdout has the bundles, stderr their sizes', (t) => {
  const repository = copyRepository(t)
  repository.write('functions/log-levels/function.ts', third)
  repository.write('functions/log-levels/count.ts', helper)
  const { status, stdout, stderr } = build(repository)
  assert.equal(status, 0, stderr)
  const names = ['log-alerts', 'log-consumer', 'log-levels', 'log-producer']
  assert.equal(stdout, names.map((name) => `dist/${name}/function.cjs\n`).join(''))
  for (const name of names) {
    assert.match(stderr, new RegExp(`^${name} +[0-9,]+ +[0-9,]+$`, 'm'))
    assert.ok(existsSync(repository.path('dist', name, 'function.cjs.map')))
    const meta = JSON.parse(repository.read(`dist/${name}/meta.json`)) as { inputs: Record<string, unknown> }
    assert.ok(Object.keys(meta.inputs).includes(`functions/${name}/function.ts`))
  }
})

test('only the named functions are built', (t) => {
  const repository = copyRepository(t)
  assert.equal(build(repository, 'log-producer').stdout, 'dist/log-producer/function.cjs\n')
  assert.ok(!existsSync(repository.path('dist/log-consumer')))
})

test('an unknown name, an unknown option and an invalid spec end with a message and exit code 2', (t) => {
  const repository = copyRepository(t)
  repository.write('functions/wrong/function.ts', 'export default { queue: 7 }\n')
  repository.write('functions/broken/function.ts', `export default { queue: '\n`)
  const expectations = [
    [['nope'], /no function is called "nope"/],
    [['--nope'], /Unknown option '--nope'/],
    [['wrong'], /queue is 7; expected.*handle is missing/s],
    [['broken'], /functions\/broken\/function\.ts cannot be imported/],
  ] as const
  for (const [args, message] of expectations) {
    const { status, stdout, stderr } = build(repository, ...args)
    assert.equal(status, 2)
    assert.equal(stdout, '')
    assert.match(stderr, message)
    assert.doesNotMatch(stderr, /\n\s+at /, 'a stack trace is shown')
  }
  assert.ok(!existsSync(repository.path('dist')))
})

test('what the bundler refuses is shown in its words', async (t) => {
  const repository = copyRepository(t)
  repository.write('functions/lost/function.ts', `import './nowhere.ts'\n`)
  const bundling = bundleFunctions({ root: repository.root, outDir: repository.path('out'), names: ['lost'] })
  await assert.rejects(bundling, (error: unknown) => {
    assert.ok(error instanceof BuildError)
    assert.match(error.message, /^lost cannot be bundled\n.*Could not resolve "\.\/nowhere\.ts"/s)
    return true
  })
})

test('two builds in different places are the same, byte for byte, and name no path of the machine', async (t) => {
  const builds = await Promise.all(
    [copyRepository(t), copyRepository(t)].map(async (repository) => {
      const outDir = repository.path('out')
      await bundleFunctions({ root: repository.root, outDir, names: ['log-consumer'] })
      return { repository, code: repository.read('out/log-consumer/function.cjs') }
    }),
  )
  const [first, second] = builds
  assert.equal(first?.code, second?.code)
  assert.doesNotMatch(first?.code ?? '', new RegExp(first?.repository.root ?? 'x'))
})

test('import.meta of the bundle is the bundle, and its errors point into the source with source maps on', async (t) => {
  const repository = copyRepository(t)
  const check = `import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
const ok = fileURLToPath(import.meta.url) === import.meta.filename && import.meta.filename.startsWith(import.meta.dirname)
console.log(ok, typeof createRequire(import.meta.url))
export default null
throw new Error('from the source')
`
  repository.write('functions/meta/function.ts', check)
  const outDir = repository.path('out')
  const [bundle] = await bundleFunctions({ root: repository.root, outDir, names: ['meta'] })
  const args = ['--enable-source-maps', bundle?.path ?? '']
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  assert.equal(stdout, 'true function\n')
  assert.match(stderr, /functions\/meta\/function\.ts:6:7/)
})

test('the pinned Node.js is the one that runs this', async () => {
  assert.equal(process.version, `v${await pinnedNodeVersion()}`)
})
