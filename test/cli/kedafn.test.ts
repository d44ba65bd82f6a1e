import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { Kedafn, kedafn } from './support/kedafn.ts'

const root = join(import.meta.dirname, '..', '..')

function folder(t: TestContext): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'kedafn cli ')))
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Without the pinned Node on the PATH: whatever the machine has. */
const path = (process.env.PATH ?? '')
  .split(':')
  .filter((one) => !one.includes('node_modules'))
  .join(':')
const run = (command: string, args: readonly string[], cwd = root) =>
  spawnSync(command, args, { cwd, encoding: 'utf8', env: { PATH: path, HOME: process.env.HOME } })

test('it runs with the pinned Node from any folder, by any name and through links of links', (t) => {
  const place = folder(t)
  symlinkSync(join(root, 'cli', 'kedafn'), join(place, 'first'))
  symlinkSync('first', join(place, 'second link'))
  for (const [command, cwd] of [
    [join(root, 'cli', 'kedafn'), place],
    [join(place, 'second link'), '/'],
    ['./kedafn', join(root, 'cli')],
  ] as const) {
    const { status, stdout, stderr } = run(command, ['--version'], cwd)
    assert.equal(status, 0, stderr)
    assert.equal(stdout, `kedafn 0.1.0, Node.js ${process.version}\n`)
  }
})

test('npx runs it from a folder of a checkout', () => {
  const { status, stdout, stderr } = run('npx', ['--yes', 'kedafn', '--version'], join(root, 'docs'))
  assert.equal(status, 0, stderr)
  assert.equal(stdout, `kedafn 0.1.0, Node.js ${process.version}\n`)
})

test('before npm ci it says what to type', (t) => {
  const place = folder(t)
  mkdirSync(join(place, 'cli'))
  cpSync(join(root, 'cli', 'kedafn'), join(place, 'cli', 'kedafn'))
  const { status, stderr } = run(join(place, 'cli', 'kedafn'), ['list'])
  assert.deepEqual([status, stderr], [2, `kedafn is not installed yet. Type  npm ci  in ${place}  and start again\n`])
})

test('an unknown command or option is answered with the nearest name, exit code 2 and nothing on stdout', async (t) => {
  const answers: [args: string[], message: RegExp][] = [
    [['craete', 'x'], /^'craete' is no command of kedafn; did you mean create\?\nkedafn --help shows what there is\n$/],
    [['frobnicate'], /^'frobnicate' is no command of kedafn\n/],
    [['\u001b[31mx'], /^'\\x1b\[31mx' is no command/],
    [
      ['list', '--jsno', 'x'],
      /^--jsno is no option here; did you mean --json\?\n'x' is one argument too many\nkedafn list --help/,
    ],
    [['help', 'lst'], /did you mean list\?/],
  ]
  for (const [args, message] of answers) {
    const { code, stdout, stderr } = await kedafn(t, args)
    assert.deepEqual([code, stdout], [2, ''])
    assert.match(stderr, message)
  }
})

test('list shows the functions as a table, and as JSON', async (t) => {
  const { code, stdout } = await kedafn(t, ['list'])
  assert.equal(code, 0)
  assert.match(stdout, /^FUNCTION +TRIGGER +QUEUE +REPLICAS +MESSAGES EACH +AT ONCE +PREFETCH +BUNDLE +IMAGE\n/)
  assert.match(stdout, /^log-consumer +queue +logs +0 to 10 +1,000 +1 +1,000 /m)
  assert.match(stdout, /^log-producer +lines +logs +1 +- +- +- /m)
  const listed = JSON.parse((await kedafn(t, ['list', '--json'])).stdout)
  assert.deepEqual(
    listed.map(({ name }: { name: string }) => name),
    ['log-alerts', 'log-consumer', 'log-producer'],
  )
  const scaling = { min: 0, max: 10, messagesPerReplica: 1000, concurrency: 1, batch: 500, prefetch: 1000 }
  const { bundleBytes: _, imageBytes: __, ...consumer } = listed[1]
  assert.deepEqual(consumer, { name: 'log-consumer', trigger: 'queue', queue: 'logs', exchange: 'logs', scaling })
})

test('a reader that is gone, such as head, is no error', () => {
  const script = 'set -o pipefail; for i in 1 2 3; do cli/kedafn start --help | head -c 1; done'
  const { status, stdout, stderr } = spawnSync('bash', ['-c', script], { cwd: root, encoding: 'utf8' })
  assert.deepEqual([status, stdout, stderr], [0, 'RRR', ''])
})

test('the npm scripts are commands with the same arguments, output and exit code', async (t) => {
  const pairs: [command: string[], script: string[]][] = [
    [
      ['simulate', '--functions', '10', '--rate', '5'],
      ['dev/simulate/main.ts', '--functions', '10', '--rate', '5'],
    ],
    [
      ['build', '--manifests', '--check'],
      ['build.mjs', '--manifests', '--check'],
    ],
    [
      ['simulate', '--trace', 'absent'],
      ['dev/simulate/main.ts', '--trace', 'absent'],
    ],
  ]
  for (const [args, script] of pairs) {
    const one = await kedafn(t, args)
    const other = spawnSync(process.execPath, script, { cwd: root, encoding: 'utf8' })
    assert.deepEqual([one.code, one.stdout, one.stderr], [other.status, other.stdout, other.stderr])
  }
  const refused = await kedafn(t, ['start', '--fsat', '3', '--onec'])
  assert.equal(refused.code, 2)
  assert.match(
    refused.stderr,
    /^--fsat is no option here; did you mean --fast\?\n.*--onec is no option here; did you mean --once\?/,
  )
})

test('a script that a command became gets the signals itself', async (t) => {
  const tests = new Kedafn(t, ['test', 'test/cli/support/sleeper.ts'])
  await t.waitFor(() => assert.match(tests.stdout, /asleep/), { interval: 50, timeout: 60_000 })
  const before = execFileSync('ps', ['-o', 'args=', '-p', String(tests.child.pid)], { encoding: 'utf8' })
  assert.match(before, /test\/run\.ts/)
  tests.child.kill('SIGINT')
  assert.equal((await tests.ended).code, 130)
})
