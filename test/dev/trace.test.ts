import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { traceToSources } from '../../dev/trace.ts'
import { bundleFunctions } from '../../tooling/bundle.ts'
import { copyRepository } from '../tooling/repository.ts'

test('the stack of a crash points into the sources, without the minified line', async (t) => {
  const repository = copyRepository(t)
  repository.write('functions/fails/function.ts', `export default null\n\nthrow new Error('no luck')\n`)
  const { root } = repository
  const [bundle] = await bundleFunctions({ root, outDir: repository.path('out'), names: ['fails'] })
  assert.ok(bundle)
  const { stderr } = spawnSync(process.execPath, [bundle.path], { encoding: 'utf8' })
  const lines = traceToSources(stderr.split('\n'), bundle.path, root)
  assert.ok(lines.includes('Error: no luck'))
  assert.ok(
    lines.some((line) => /^ {4}at .*functions\/fails\/function\.ts:3:7\)?$/.test(line)),
    lines.join('\n'),
  )
  for (const line of lines) assert.ok(line.length < 300)
})

test('without a source map, or without a place in the bundle, lines stay as they are', () => {
  const lines = ['Error: x', '    at f (/nowhere/function.cjs:1:2)']
  assert.deepEqual(traceToSources(lines, '/nowhere/function.cjs', '/'), lines)
  assert.deepEqual(traceToSources(['plain'], '/nowhere/function.cjs', '/'), ['plain'])
})
