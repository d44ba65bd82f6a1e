import assert from 'node:assert/strict'
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import { openVhost } from '../support/broker.ts'
import { copyRepository, type Repository } from '../tooling/repository.ts'
import { holds, noneLeft, Started, type StartedOptions } from './started.ts'

/** A copy of the repository and a vhost for one test, and how to start it. */
async function prepare(t: TestContext) {
  const repository = copyRepository(t)
  const vhost = await openVhost('dev-start')
  t.after(() => vhost.dispose())
  const start = (options: Omit<StartedOptions, 'url'> = {}) =>
    new Started(t, repository, { url: vhost.url, ...options })
  return { repository, start }
}

const consumerOf = (handle: string, rest = '') => `
import { existsSync, writeFileSync } from 'node:fs'
import { appendLines, defineConsumer, drop, text } from '#runtime'
export default defineConsumer({
  queue: 'logs',
  decode: text,
  env: { OUTPUT_PATH: { default: 'output.txt' } },
  setup: (ctx) => appendLines(ctx.env.OUTPUT_PATH),
  ${rest}
  handle: ${handle},
})
`
const setConsumer = (repository: Repository, handle: string, rest?: string) =>
  repository.write('functions/log-consumer/function.ts', consumerOf(handle, rest))

const odd = Buffer.concat([
  Buffer.from('one\r\n\n\0\t\u001b[31m\nümläut €\n'),
  Buffer.from(Array.from({ length: 256 }, (_, byte) => (byte === 10 ? 11 : byte))),
  Buffer.alloc(1024 * 1024, 'x'),
  Buffer.from('\nno newline at the end'),
])

test('--once sends a whole file byte for byte, says so and ends with 0; again, it has nothing to do', async (t) => {
  const { repository, start } = await prepare(t)
  const [input, output] = [repository.path('an input'), repository.path('an output')]
  writeFileSync(input, odd)
  const args = ['--once', '--input', 'an input', '--output', 'an output']
  const first = start({ args, viaNpm: true })
  await first.endsWith(0)
  assert.ok(readFileSync(output).equals(Buffer.concat([odd, Buffer.from('\n')])))
  assert.match(
    first.out,
    /^sent +6 lines\nconfirmed +6\nwritten +6\nduplicates +0\noutput +equals the input, 6 lines$/m,
  )
  assert.equal(first.err, '')
  const second = start({ args })
  await second.endsWith(0)
  assert.match(second.out, /^sent +0 lines$/m)
  assert.match(second.out, /^output +equals the input, 6 lines$/m)
  await noneLeft(t, repository)
})

test('--once begins anew if its output is gone, and only then', async (t) => {
  const { repository, start } = await prepare(t)
  repository.write('in', 'a\nb\n')
  const args = ['--once', '--input', 'in', '--output', 'out']
  await start({ args }).endsWith(0)
  repository.write('in', 'a\nb\nc\n')
  await start({ args }).endsWith(0)
  assert.equal(repository.read('out'), 'a\nb\nc\n')
  rmSync(repository.path('out'))
  await start({ args }).endsWith(0)
  assert.equal(repository.read('out'), 'a\nb\nc\n')
})

test('npm start makes the input, sends what is appended and drains on SIGTERM with a summary and exit code 0', async (t) => {
  const { repository, start } = await prepare(t)
  const started = start({ viaNpm: true })
  await started.printed(/made input\.txt with a few lines/)
  await t.waitFor(() => assert.ok(existsSync(repository.path('output.txt'))), { interval: 20, timeout: 60_000 })
  await holds(t, repository, 'output.txt', repository.read('input.txt'))
  appendFileSync(repository.path('input.txt'), 'one more\nunfinished')
  await holds(t, repository, 'output.txt', repository.read('input.txt').replace('unfinished', ''))
  await started.printed(/written 4 /)
  started.child.kill('SIGTERM')
  await started.endsWith(0)
  assert.match(started.out, /^sent +4 lines$/m)
  assert.match(started.out, /^output +equals the input, 4 lines$/m)
  assert.match(readFileSync(repository.path('.kedafn/logs/log-consumer.log'), 'utf8'), /^\{"time":/)
  await noneLeft(t, repository)
})

test('a Ctrl-C that npm hands over twice is one; the next one forces, exit code 1', async (t) => {
  const { repository, start } = await prepare(t)
  setConsumer(repository, '() => new Promise(() => {})')
  const started = start()
  await started.printed(/[1-9] unacked/)
  started.child.kill('SIGINT')
  // n.b. two pending signals of one kind would be one.
  started.child.kill('SIGTERM')
  await started.printed(/stopping: Ctrl-C again to force/)
  await t.waitFor(
    () => {
      started.child.kill('SIGINT')
      assert.notEqual(started.child.exitCode, null)
    },
    { interval: 50, timeout: 20_000 },
  )
  await started.endsWith(1)
  assert.match(started.err, /^forced: /m)
  await noneLeft(t, repository)
})

test('what is not settled when it stops stays in the queue for the next run', async (t) => {
  const { repository, start } = await prepare(t)
  repository.write('input.txt', 'a\nb\n')
  const handler = repository.read('functions/log-consumer/function.ts')
  setConsumer(repository, '() => new Promise(() => {})')
  const first = start({ env: { KEDAFN_GRACE_MS: '1000' } })
  await first.printed(/2 unacked/)
  first.child.kill('SIGTERM')
  await first.endsWith(1)
  assert.match(first.out, /^left +2 messages in queue logs; the next run goes on with them$/m)
  assert.match(first.out, /^forced +log-consumer did not end well/m)
  repository.write('functions/log-consumer/function.ts', handler)
  const second = start()
  await second.printed(/written 2 /)
  second.child.kill('SIGTERM')
  await second.endsWith(0)
  // What was handed back first comes first.
  assert.deepEqual(repository.read('output.txt').trim().split('\n').sort(), ['a', 'b'])
})

test('a dead letter makes --once end with 1 and is named', async (t) => {
  const { repository, start } = await prepare(t)
  repository.write('input.txt', 'a\nbad\nc\n')
  setConsumer(
    repository,
    `async (batch, _ctx, output) => {
      const good = batch.filter(({ body }) => body !== 'bad')
      await output.append(good.map(({ body }) => body))
      return batch.filter(({ body }) => body === 'bad').map((delivery) => drop(delivery, 'it is bad'))
    }`,
  )
  const started = start({ args: ['--once'] })
  await started.endsWith(1)
  assert.match(started.out, /^dead +1 dead letter in queue logs\.dead$/m)
  assert.match(started.out, /^output +lacks 1 of the input's 3 lines/m)
  assert.match(started.err, /^log-consumer: .*dead letters \(.*it is bad/m)
})

test('--once waits for retries', async (t) => {
  const { repository, start } = await prepare(t)
  repository.write('input.txt', 'a\n')
  const handle = `(batch, _ctx, output) => {
    if (batch[0]?.attempt === 1) throw new Error('not now')
    return output.append(batch.map(({ body }) => body))
  }`
  setConsumer(repository, handle, 'retry: { attempts: 2, firstDelayMs: 1500 },')
  const started = start({ args: ['--once'] })
  await started.endsWith(0)
  assert.match(started.out, /^output +equals the input, 1 line$/m)
})

test('a consumer that is killed in the middle starts again: no line is missing', async (t) => {
  const { repository, start } = await prepare(t)
  const lines = Array.from({ length: 5000 }, (_, i) => `line ${i}`)
  repository.write('input.txt', `${lines.join('\n')}\n`)
  const handle = `async (batch, _ctx, output) => {
    await output.append(batch.map(({ body }) => body))
    if (batch.some(({ body }) => body === 'line 2500') && !existsSync('killed')) {
      writeFileSync('killed', '')
      process.kill(process.pid, 'SIGKILL')
    }
  }`
  setConsumer(repository, handle)
  const started = start({ args: ['--once'] })
  await started.endsWith(0)
  assert.match(started.err, /^log-consumer ended by SIGKILL\n {2}it starts again in 0\.2 s$/m)
  assert.match(started.out, /^output +holds every line of the input; .*first appearances in order$/m)
  assert.match(started.out, /^restarts +1;/m)
})

test('a function that crashes again and again is given up with the place in its source, exit code 1', async (t) => {
  const { repository, start } = await prepare(t)
  repository.write('input.txt', 'a\n')
  setConsumer(repository, `() => new Promise(() => { setTimeout(() => { throw new Error('no luck') }) })`)
  const started = start({ args: ['--once'] })
  await started.endsWith(1)
  assert.match(started.err, /Error: no luck\n.*\(functions\/log-consumer\/function\.ts:10:\d+\)/)
  assert.match(started.err, /it is given up; its log is .*log-consumer\.log/)
  assert.match(started.out, /^left +1 message in queue logs/m)
})

test('a third function is one more folder: it runs too and gets every line', async (t) => {
  const { repository, start } = await prepare(t)
  const lines = Array.from({ length: 3000 }, (_, i) => `line ${i}\n`).join('')
  repository.write('input.txt', lines)
  repository.write(
    'functions/line-copies/function.ts',
    `import { appendLines, defineConsumer, text } from '#runtime'
    export default defineConsumer({
      queue: 'line-copies',
      exchange: 'logs',
      decode: text,
      env: { OUTPUT_PATH: { default: 'copies.txt' } },
      setup: async (ctx) => {
        // Its queue is there late: no line may be sent before.
        await new Promise((resolve) => setTimeout(resolve, 1000))
        return appendLines(ctx.env.OUTPUT_PATH)
      },
      handle: (batch, _ctx, output) => output.append(batch.map(({ body }) => body)),
    })`,
  )
  const started = start({ args: ['--once'] })
  await started.endsWith(0)
  assert.equal(repository.read('output.txt'), lines)
  assert.equal(repository.read('copies.txt'), lines)
  assert.match(started.out, /^written +3,000$/m)
})

test('what a person has to mend ends with 2, in words, before anything runs', async (t) => {
  const { repository, start } = await prepare(t)
  const expectations: readonly [readonly string[], Record<string, string>, RegExp][] = [
    [['--nope'], {}, /^Unknown option '--nope'/],
    [['--input', 'nowhere'], {}, /^--input is .*nowhere; there is no such file$/m],
    [[], { KEDAFN_WINDOW: 'many' }, /KEDAFN_WINDOW.*is "many"; expected a whole number/],
  ]
  for (const [args, env, message] of expectations) {
    const started = start({ args, env })
    await started.endsWith(2)
    assert.match(started.err, message)
    assert.doesNotMatch(started.err, /\n\s+at /, 'a stack trace is shown')
  }
  repository.write('functions/log-producer/function.ts', `export default { queue: 7 }\n`)
  const broken = start()
  await broken.endsWith(2)
  assert.match(broken.err, /log-producer\n.*queue is 7/)
  assert.ok(!existsSync(repository.path('.kedafn/logs/log-consumer.log')))
})

test('a second start with the same files is refused while the first one runs', async (t) => {
  const { start } = await prepare(t)
  const first = start()
  await first.printed(/1 consumer/)
  const second = start()
  await second.endsWith(2)
  assert.match(second.err, /^npm start runs already for this input and output, as process \d+;/)
  first.child.kill('SIGTERM')
  await first.endsWith(0)
})

test('it ends in good order when nobody reads what it prints', async (t) => {
  const { repository, start } = await prepare(t)
  const started = start()
  await started.printed(/1 consumer/)
  started.child.stdout?.destroy()
  appendFileSync(repository.path('input.txt'), 'one more\n')
  await started.endsWith(0)
  await noneLeft(t, repository)
})

test('when it is killed itself, its functions drain and end', async (t) => {
  const { repository, start } = await prepare(t)
  const started = start()
  await started.printed(/1 consumer/)
  started.child.kill('SIGKILL')
  await started.exited
  await noneLeft(t, repository)
  assert.match(repository.read('.kedafn/logs/log-consumer.log'), /"message":"ended".*"exitCode":0/)
})
