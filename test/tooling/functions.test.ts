import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { test } from 'node:test'
import { BuildError, discoverFunctions, inspectFunctions } from '../../tooling/functions.ts'
import { copyRepository, type Repository } from './repository.ts'

const consumer = (body: string, before = ''): string =>
  `import { defineConsumer } from '#runtime'\n${before}\nexport default defineConsumer({ ${body} })\n`

const inspectionOf = (repository: Repository, name: string, source: string) => {
  repository.write(`functions/${name}/function.ts`, source)
  return inspectFunctions(repository.root, [name])
}

const failsWith = (...patterns: RegExp[]) => {
  return (error: unknown) => {
    assert.ok(error instanceof BuildError)
    for (const pattern of patterns) assert.match(error.message, pattern)
    assert.doesNotMatch(error.message, /\n\s+at /, 'a stack trace is shown')
    return true
  }
}

test('functions are the folders of functions/, sorted', (t) => {
  const repository = copyRepository(t)
  repository.write('functions/a-first/function.ts', '')
  repository.write('functions/README.md', '')
  assert.deepEqual(discoverFunctions(repository.root), ['a-first', 'log-alerts', 'log-consumer', 'log-producer'])
  assert.deepEqual(discoverFunctions(repository.root, ['log-producer']), ['log-producer'])
})

test('a folder without function.ts, a bad name and an unknown name are all named', (t) => {
  const repository = copyRepository(t)
  mkdirSync(repository.path('functions/empty'))
  repository.write('functions/Not_A_Label/function.ts', '')
  assert.throws(
    () => discoverFunctions(repository.root),
    failsWith(/functions\/empty has no function\.ts/, /functions\/Not_A_Label: a function's name is/),
  )
  assert.throws(
    () => discoverFunctions(repository.root, ['nope', 'empty']),
    failsWith(/no function is called "nope"; there are .*log-consumer, log-producer/, /functions\/empty has no/),
  )
})

test('the data of a spec is read without running its handler', async (t) => {
  const repository = copyRepository(t)
  const [consumed, produced] = await inspectFunctions(repository.root, ['log-consumer', 'log-producer'])
  assert.equal(consumed?.spec.queue, 'logs')
  assert.deepEqual(consumed && 'batch' in consumed.spec && consumed.spec.batch, { size: 500, maxWaitMs: 20 })
  assert.deepEqual(produced && 'source' in produced.spec && produced.spec.source, { kind: 'lines', path: 'input.txt' })
})

test('every problem of every invalid spec is listed', async (t) => {
  const repository = copyRepository(t)
  repository.write('functions/one/function.ts', consumer(`queue: 'no spaces', batch: { size: 0 }`))
  repository.write('functions/two/function.ts', 'export default 7\n')
  await assert.rejects(
    inspectFunctions(repository.root, ['one', 'two', 'log-consumer']),
    failsWith(
      /one\n/,
      /queue is "no spaces"/,
      /batch\.size .*is 0; expected .* 1 to 10000/,
      /handle is missing/,
      /two\n/,
    ),
  )
})

const opening = {
  'connects to something': `import net from 'node:net'\nnet.connect(5672, '127.0.0.1')`,
  'listens on a port': `import net from 'node:net'\nnet.createServer().listen(0)`,
  'fetches a page': `void fetch('http://127.0.0.1:15672/')`,
  'writes a file': `import { writeFileSync } from 'node:fs'\nwriteFileSync('opened.txt', '')`,
  'opens a file to write later': `import { createWriteStream } from 'node:fs'\ncreateWriteStream('opened.txt')`,
  'starts a process': `import { spawn } from 'node:child_process'\nspawn('true')`,
}
for (const [what, code] of Object.entries(opening)) {
  test(`a spec that ${what} when it is imported fails`, async (t) => {
    const source = consumer(`queue: 'q', handle: () => {}`, code)
    await assert.rejects(
      inspectionOf(copyRepository(t), 'opens', source),
      failsWith(/functions\/opens\/function\.ts.*opens something when it is imported.*in its setup/),
    )
  })
}

test('a spec that leaves a timer running fails', async (t) => {
  const source = consumer(`queue: 'q', handle: () => {}`, 'setInterval(() => {}, 1000)')
  await assert.rejects(inspectionOf(copyRepository(t), 'ticks', source), failsWith(/leaves Timeout running/))
})

test('a spec that throws, ends the process or never ends its import is named with what happened', async (t) => {
  const repository = copyRepository(t)
  const thrown = inspectionOf(repository, 'throws', `\nthrow new Error('no such luck')\n`)
  await assert.rejects(thrown, failsWith(/functions\/throws\/function\.ts cannot be imported: no such luck \(.*:2:7\)/))
  const left = inspectionOf(repository, 'leaves', 'process.exit(5)\n')
  await assert.rejects(left, failsWith(/leaves\/function\.ts: its import ended the process with exit code 5/))
  const hung = inspectionOf(repository, 'hangs', 'await new Promise(() => {})\n')
  await assert.rejects(hung, failsWith(/hangs\/function\.ts: its import .*(exit code 13|did not end)/))
})

test('what a spec prints and what the environment holds do not matter', async (t) => {
  const source = consumer(
    `queue: process.env.PATH === undefined ? 'q' : 'leaked', handle: () => {}`,
    `console.log('{}')`,
  )
  const [facts] = await inspectionOf(copyRepository(t), 'prints', source)
  assert.equal(facts?.spec.queue, 'q')
})
