import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { typeSteps } from '../../e2e/support/guide.ts'

const program = fileURLToPath(new URL('../../../dev/simulate/main.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'kedafn-simulate-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const trace = join(folder, 'trace.csv')
writeFileSync(trace, '0,100\n10,3000\n60,0\n')

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

test('a trace, a function of the repository and a picture', () => {
  const svg = join(folder, 'out.svg')
  const { status, stdout, stderr } = run('--trace', trace, '--function', 'log-consumer', '--svg', svg)
  assert.equal(stderr, '')
  assert.equal(status, 0)
  assert.match(stdout, /3100 arrived, 3100 done, 0 left/)
  assert.match(stdout, /messages? in logs > activation at 0/)
  assert.match(readFileSync(svg, 'utf8'), /^<svg [\s\S]*<\/svg>\n$/)
})

test('numbers on the command line take the place of those in the files, and JSON is one object', () => {
  const { stdout } = run(
    '--trace',
    trace,
    '--value',
    '10',
    '--max',
    '3',
    '--cooldown',
    '15',
    '--handler',
    '1s',
    '--json',
  )
  const result = JSON.parse(stdout)
  assert.equal(result.done, 3100)
  assert.equal(result.peakReplicas, 3)
})

test('a target that cannot be met is exit code 1, and what is to be mended is exit code 2 with its option', () => {
  assert.equal(run('--trace', trace, '--tune', 'p99<1ms').status, 1)
  assert.match(run('--trace', trace, '--tune', 'p99<60s').stdout, /\nvalue \d+, concurrency \d+, .* settings tried\n$/)
  for (const [args, expected] of [
    [[], /either --trace FILE or --functions N is needed/],
    [['--trace', join(folder, 'none.csv')], /none\.csv/],
    [['--trace', trace, '--max', '0'], /--max is "0"; expected a number of 1 to 1000000/],
    [['--trace', trace, '--function', 'log-producer'], /log-producer is no consumer/],
    [['--trace', trace, '--hander', '1s'], /--hander/],
  ] as const) {
    const { status, stderr } = run(...args)
    assert.equal(status, 2)
    assert.match(stderr, expected)
  }
})

test('very many functions are summed up', () => {
  const { stdout } = run('--functions', '50', '--rate', '5000', '--seconds', '600', '--json')
  const { arrived, done, left } = JSON.parse(stdout)
  assert.ok(arrived > 0 && Math.abs(arrived - done - left) < 1)
})

test('the example of docs/explanation/scaling.md ends as it says', async () => {
  const root = fileURLToPath(new URL('../../../', import.meta.url))
  const page = readFileSync(join(root, 'docs', 'explanation', 'scaling.md'), 'utf8')
  const [printed = '', ...others] = await typeSteps(page, root, folder, {})
  assert.deepEqual(others, [])
  const [, said = ''] = /^```\n( +\d+ s {2}keda .*?)^```$/ms.exec(page) ?? []
  assert.ok(said !== '' && printed.endsWith(`\n${said}`), printed)
  assert.match(printed, /^pod-seconds +234$/m)
})
