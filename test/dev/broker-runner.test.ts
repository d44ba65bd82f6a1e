import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Programs } from './programs.ts'

const runner = fileURLToPath(new URL('../run.ts', import.meta.url))
const support = fileURLToPath(new URL('../support/broker.ts', import.meta.url))

/** A test file in a folder of its own. */
function file(t: TestContext, body: string): string {
  const path = new Programs(t).path('some.test.ts')
  writeFileSync(path, `import { test } from 'node:test'\n${body}\n`)
  return path
}

/** The runner as a person calls it: nothing of the run that this test is part of gets to it. */
function start(t: TestContext, args: readonly string[], env: Record<string, string> = {}) {
  const { PATH, HOME } = process.env
  const child = spawn(process.execPath, [runner, ...args], {
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => void child.kill('SIGKILL'))
  const printed = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed.out += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    printed.err += text
  })
  return { child, printed, exited: once(child, 'close').then(([code]) => code as number) }
}

test('passing tests pass, with a summary that a machine can read', async (t) => {
  const { printed, exited } = start(t, [file(t, "test('right', () => {})")])
  assert.equal(await exited, 0, printed.err)
  for (const line of ['ℹ tests 1', 'ℹ pass 1', 'ℹ fail 0']) assert.ok(printed.out.includes(line), printed.out)
  assert.doesNotMatch(printed.err, /broker/, 'none of the files asks for a broker')
})

test('a failing test fails the run', async (t) => {
  const { printed, exited } = start(t, [file(t, "test('wrong', () => { throw new Error('wrong') })")])
  assert.equal(await exited, 1)
  assert.match(printed.out, /ℹ fail 1/)
})

test('a path that does not exist is no run of no tests', async (t) => {
  const { printed, exited } = start(t, ['test/none.test.ts'])
  assert.equal(await exited, 2)
  assert.match(printed.err, /there is no test\/none\.test\.ts/)
})

test('a file that asks for the broker gets the one of AMQP_URL, and no AMQP_URL itself', async (t) => {
  const body = `import { testBroker } from '${support}'
import assert from 'node:assert/strict'
test('has it', () => {
  assert.deepEqual(testBroker(), { url: 'amqp://there', managementUrl: 'http://there' })
  assert.equal(process.env.AMQP_URL, undefined)
})`
  // An import by path, as the files of this repository write it, is what tells the runner.
  const path = file(t, body.replace(support, `./${'../'.repeat(9)}${support.slice(1)}`))
  const { printed, exited } = start(t, [path], {
    AMQP_URL: 'amqp://there',
    KEDAFN_TEST_MANAGEMENT_URL: 'http://there',
  })
  assert.equal(await exited, 0, printed.out)
  assert.match(printed.err, /broker at there:5672 \(AMQP_URL\)/)
})

test('a run that is interrupted ends, and not with success', async (t) => {
  const path = file(
    t,
    `test('for ever', async () => {
  process.stdout.write('begun\\n')
  await new Promise((resolve) => setTimeout(resolve, 60_000))
})`,
  )
  const { child, printed, exited } = start(t, [path])
  await t.waitFor(() => assert.match(printed.out, /begun/), { interval: 10, timeout: 20_000 })
  child.kill('SIGINT')
  assert.equal(await exited, 130)
})
