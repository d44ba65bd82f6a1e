import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { errorCodes, exitCodeOf, FnError, retiredErrorCodes } from '../../runtime/core/errors.ts'
import { consumerOptions, producerOptions, textOptions } from '../../runtime/core/options.ts'
import { scalingOf } from '../../runtime/core/scaling.ts'
import { typedPages } from '../support/typed-pages.ts'

const repository = fileURLToPath(new URL('../../', import.meta.url))
const errors = readFileSync(`${repository}docs/reference/errors.md`, 'utf8')
const configuration = readFileSync(`${repository}docs/reference/configuration.md`, 'utf8')

/** Each second-level heading with the text under it. */
const sections = new Map(
  errors
    .split(/^## /m)
    .slice(1)
    .map((section): [string, string] => {
      const [heading = '', ...text] = section.split('\n')
      return [heading.trim(), text.join('\n')]
    }),
)

test('the errors page has one heading for each code, in the order of the table, and none besides', () => {
  assert.deepEqual([...sections.keys()], errorCodes)
  assert.equal(errors.match(/^## /gm)?.length, errorCodes.length)
})

test('the errors page does not describe a code that is retired', () => {
  for (const code of retiredErrorCodes) assert.ok(!errors.includes(code))
})

for (const code of errorCodes) {
  test(`the errors page says of ${code} its verdict, its usual causes and what to do`, () => {
    const { verdict } = new FnError(code, '')
    const text = sections.get(code) ?? ''
    assert.match(text, new RegExp(`^\\nVerdict \`${verdict}\`: `))
    assert.match(text, /\n- Usual causes: .+/)
    assert.match(text, /\n- What to do: .+/)
    const exitCode = /exit code (\d)/.exec(text)?.[1]
    const ends = verdict === 'fatal' || verdict === 'config'
    assert.equal(exitCode, ends ? `${exitCodeOf(new FnError(code, ''))}` : undefined)
  })
}

test('every code that a page mentions is in the table', () => {
  for (const page of [errors, configuration]) {
    for (const [code] of page.matchAll(/\bFN_[A-Z_]+/g)) assert.ok((errorCodes as string[]).includes(code), code)
  }
})

test('every variable that a page mentions is one that the runtime reads, and the other way round', () => {
  const integers = [...Object.values(consumerOptions), ...Object.values(producerOptions)]
  const known = new Set([...integers.flatMap(({ env }) => env ?? []), ...Object.keys(textOptions)])
  for (const page of [errors, configuration]) {
    for (const [name] of page.matchAll(/\bKEDAFN_[A-Z_]+/g)) assert.ok(known.has(name), name)
  }
  for (const name of known) assert.ok(configuration.includes(`\`${name}\``), name)
})

test('the tables of the configuration page are what the options say', () => {
  const script = `${repository}tooling/reference.ts`
  const run = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' })
  assert.equal(run.status, 0, run.stdout + run.stderr)
})

test('each sentence of the contract names a test, and each test that it names is there', () => {
  const [, contract = ''] =
    /## The delivery contract\n(.*?)\n## /s.exec(readFileSync(`${repository}README.md`, 'utf8')) ?? []
  const sentences = contract.split(/^\d\. /m).slice(1)
  assert.equal(sentences.length, 6)
  for (const sentence of sentences) {
    const named = [...sentence.matchAll(/\]\((test\/[^)]+\.ts)\)\s+"([^"]+)"/g)]
    assert.ok(named.length > 0, sentence)
    for (const [, path, title = ''] of named) {
      const source = readFileSync(`${repository}${path}`, 'utf8')
      assert.ok(source.includes(title.replaceAll(/\s+/g, ' ')), `${path}: ${title}`)
    }
  }
})

test('every scenario has a row in the table of the scenarios, and none besides', () => {
  const folder = `${repository}test/e2e/`
  const rows = [...readFileSync(`${folder}README.md`, 'utf8').matchAll(/^\| `([a-z0-9]+)` \|/gm)].map(
    ([, name]) => name,
  )
  const files = globSync('*.e2e.ts', { cwd: folder }).map((file) => file.replace('.e2e.ts', ''))
  assert.deepEqual(rows.sort(), files.sort())
})

test('every folder of manifests and keda has its place in their tables', () => {
  for (const room of ['manifests', 'keda']) {
    const table = readFileSync(`${repository}${room}/README.md`, 'utf8')
    for (const file of globSync('{*,overlays/*}/README.md', { cwd: `${repository}${room}` })) {
      assert.ok(table.includes(`](${file})`), `${room}/${file}`)
    }
  }
})

test('every block of commands is typed by a test, or says in the line before why none runs it', () => {
  for (const page of ['README.md', ...globSync('docs/**/*.md', { cwd: repository })]) {
    const lines = readFileSync(`${repository}${page}`, 'utf8').split('\n')
    for (const [index, line] of lines.entries()) {
      const where = `${page}:${index + 1}`
      assert.doesNotMatch(line, /^\s*```(?:bash|shell|console)\b/, `${where}: a block of commands is one of sh`)
      if (!/^\s*```sh\b/.test(line) || page in typedPages) continue
      const [, reason = ''] = /^<!-- not run: (.+) -->$/.exec(lines[index - 1] ?? '') ?? []
      assert.notEqual(
        reason,
        '',
        `${where}: <!-- not run: REASON --> in the line before, or a test that types the page`,
      )
      for (const [path] of reason.matchAll(/\b(?:test\/|\.ci\/)[\w./-]*\w/g)) {
        assert.ok(existsSync(`${repository}${path}`), `${where}: ${path}`)
      }
    }
  }
})

test('every page that a test types has commands, and that test names it', () => {
  for (const [page, path] of Object.entries(typedPages)) {
    assert.match(readFileSync(`${repository}${page}`, 'utf8'), /^```sh$/m, page)
    assert.ok(readFileSync(`${repository}${path}`, 'utf8').includes(basename(page)), `${path}: ${page}`)
  }
})

test('the table that explains the scaling has the numbers that specs get', () => {
  const page = readFileSync(`${repository}docs/explanation/scaling.md`, 'utf8')
  const rows = [...page.matchAll(/^\| \d+ \|.*\|$/gm)].map(([row]) => row.match(/\d+|–/g)?.map(Number) ?? [])
  assert.equal(rows.length, 4)
  for (const [size = 0, concurrency = 0, timeoutMs = 0, messagesPerReplica = 0, ...numbers] of rows) {
    const scale = Number.isNaN(messagesPerReplica) ? {} : { messagesPerReplica }
    const spec = { queue: 'q', batch: { size }, concurrency, timeoutMs, scale, handle: () => {} }
    const { prefetch, value, terminationGracePeriodSeconds, ...rest } = scalingOf('fn', spec)
    const cooldowns = [rest.cooldownSeconds, rest.cooldownReadySeconds]
    assert.deepEqual(numbers, [prefetch, value, terminationGracePeriodSeconds, ...cooldowns])
  }
})
