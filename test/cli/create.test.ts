import assert from 'node:assert/strict'
import { type ExecFileException, execFile } from 'node:child_process'
import { appendFileSync, existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { findServer } from '../../dev/broker/server-search.ts'
import { copyCheckout } from './support/checkout.ts'
import { Kedafn, kedafn } from './support/kedafn.ts'

/** Runs a file of a checkout with this Node. @returns its exit code and what it printed */
function node(root: string, ...args: readonly string[]): Promise<[code: number, output: string]> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: root }, (error: ExecFileException | null, stdout, stderr) => {
      resolve([error ? Number(error.code ?? 1) : 0, stdout + stderr])
    })
  })
}

const poll = { interval: 100, timeout: 120_000 }

test('a function of each kind is complete: rendered, typed, formatted, with a test that passes', async (t) => {
  const { root, read } = copyCheckout(t)
  const made = [
    await kedafn(t, ['create', 'orders'], { root }),
    await kedafn(t, ['create', 'mails', '--from', 'each', '--exchange', 'logs'], { root }),
    await kedafn(t, ['create', 'feed', '--from=lines', '--queue', 'orders'], { root, cwd: join(root, 'keda') }),
  ]
  assert.deepEqual(
    made.map(({ code }) => code),
    [0, 0, 0],
    made.map(({ stderr }) => stderr).join(''),
  )
  assert.match(
    made[0]?.stdout ?? '',
    /^functions\/orders\/function\.test\.ts\nfunctions\/orders\/function\.ts\nfunctions\/README\.md\n/,
  )
  assert.match(made[0]?.stderr ?? '', /echo hello \| npx kedafn publish orders\n/)
  assert.match(made[1]?.stderr ?? '', /echo hello >> input\.txt\n/)
  assert.match(read('functions/mails/function.ts'), /queue: 'mails',\n {2}exchange: 'logs',\n/)
  assert.match(read('functions/feed/function.ts'), /path: 'feed\.txt' \}\),\n {2}queue: 'orders',\n/)
  const rows = read('functions/README.md')
    .match(/^\| \[.*$/gm)
    ?.map((row) => row.split('`')[1])
  assert.deepEqual(rows, ['feed', 'log-alerts', 'log-consumer', 'log-producer', 'mails', 'orders'])
  const checks = await Promise.all([
    node(root, 'build.mjs', '--manifests', '--check'),
    node(root, 'node_modules/.bin/tsc', '-p', '.'),
    node(root, 'node_modules/.bin/biome', 'ci', '--vcs-enabled=false', '--error-on-warnings', 'functions'),
    node(root, 'test/run.ts', ...['orders', 'mails', 'feed'].map((name) => join('functions', name))),
  ])
  assert.deepEqual(
    checks.map(([code]) => code),
    [0, 0, 0, 0],
    checks.map(([, output]) => output).join('\n'),
  )
})

test('wrong and taken names are refused with what is accepted, and nothing is written', async (t) => {
  const { root, read } = copyCheckout(t)
  const before = read('functions/README.md')
  const refused: [args: string[], message: RegExp][] = [
    [['Orders'], /^NAME is 'Orders'; expected 1 to 54 of a-z 0-9 -, beginning with a letter and not ending with -\n$/],
    [['o'.repeat(55)], /expected 1 to 54 of a-z/],
    [['../evil'], /^NAME is '\.\.\/evil'/],
    [['log-consumer'], /^functions\/log-consumer is there already\n$/],
    [['broker'], /^NAME is 'broker'; this name is taken in manifests\/base\n$/],
    [['x-', '--queue', 'a b', '--exchange', ''], /^--exchange is empty; expected EXCHANGE\n/],
    [['x-', '--queue', 'a b'], /^NAME is 'x-'; .*\n--queue is 'a b'; expected 1 to 200 of A-Z a-z 0-9 \. _ -\n$/],
    [['x', '--from', 'topic'], /^--from is 'topic'; expected queue, lines, each\n/],
    [[], /^NAME is missing: /],
  ]
  for (const [args, message] of refused) {
    const { code, stdout, stderr } = await kedafn(t, ['create', ...args], { root })
    assert.deepEqual([code, stdout], [2, ''], args.join(' '))
    assert.match(stderr, message)
  }
  assert.equal(read('functions/README.md'), before)
})

test('if the specs do not go together all of it is taken back', async (t) => {
  const { root, read } = copyCheckout(t)
  const before = read('functions/README.md')
  const path = join(root, 'functions', 'log-producer', 'function.ts')
  writeFileSync(path, read('functions/log-producer/function.ts').replace('encode: text,', 'encode: text, wndow: 3,'))
  const { code, stderr } = await kedafn(t, ['create', 'orders'], { root })
  assert.equal(code, 2, stderr)
  assert.match(stderr, /log-producer[\s\S]*wndow/)
  assert.ok(!existsSync(join(root, 'functions', 'orders')))
  assert.equal(read('functions/README.md'), before)
})

/** Where the tests' broker comes from elsewhere, this machine need not have a server to start one from. */
const skip = findServer(process.env) === null && 'there is no rabbitmq-server on this machine'

test('what was created works in the fleet, and publish finds its broker by itself', { skip }, async (t) => {
  const { root } = copyCheckout(t)
  for (const args of [
    ['greet'],
    ['tell', '--from', 'each', '--exchange', 'logs'],
    ['feed', '--from', 'lines', '--queue', 'greet'],
  ]) {
    assert.equal((await kedafn(t, ['create', ...args], { root })).code, 0)
  }
  const fleet = new Kedafn(t, ['start', '--fast', '100', '--no-page'], { root })
  await t.waitFor(() => assert.match(fleet.stdout, /Ctrl-C ends it/, fleet.stderr), poll)
  const logged = (name: string, words: RegExp): Promise<void> =>
    t.waitFor(() => {
      const logs = globSync(`.kedafn/logs/${name}*.log`, { cwd: root })
      assert.match(logs.map((log) => readFileSync(join(root, log), 'utf8')).join(''), words)
    }, poll)
  // The queue is made when the function first runs, which is at once.
  await logged('greet', /"consuming"/)
  const { code, stdout, stderr } = await kedafn(t, ['publish', 'greet'], { root, stdin: 'hello\n' })
  assert.deepEqual([code, stdout], [0, '1 line confirmed, queue greet\n'], stderr)
  await logged('greet', /"handled".*"hello"/)
  appendFileSync(join(root, 'input.txt'), 'for all\n')
  await logged('tell', /"handled".*"for all"/)
  writeFileSync(join(root, 'feed.txt'), 'from a file\n')
  await logged('greet', /"handled".*"from a file"/)
  fleet.child.kill('SIGINT')
  const ended = await fleet.ended
  assert.equal(ended.code, 0, ended.stdout + ended.stderr)
  const away = await kedafn(t, ['publish', 'greet'], { root, stdin: 'hello\n' })
  assert.match(away.stderr, /there is no (broker|queue)/)
})
