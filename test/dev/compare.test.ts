import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { compareFiles } from '../../dev/compare.ts'
import { temporaryFolder } from './folder.ts'

type Bytes = string | Uint8Array | null

function files(t: TestContext, input: Bytes, output: Bytes): [string, string] {
  const folder = temporaryFolder(t)
  const paths: [string, string] = [join(folder, 'in'), join(folder, 'out')]
  if (input !== null) writeFileSync(paths[0], input)
  if (output !== null) writeFileSync(paths[1], output)
  return paths
}

const equal = { equal: true, missing: 0, duplicates: 0, foreign: 0, inOrder: true }

test('the same bytes are equal; a missing newline at the end counts as there', async (t) => {
  const odd = Buffer.from([0xff, 0x0d, 0x0a, 0x0a, 0x00, 0x0a])
  assert.deepEqual(await compareFiles(...files(t, odd, odd)), { ...equal, expected: 3 })
  assert.deepEqual(await compareFiles(...files(t, 'a\nb', 'a\nb\n')), { ...equal, expected: 2 })
  assert.deepEqual(await compareFiles(...files(t, '', '')), { ...equal, expected: 0 })
  assert.deepEqual(await compareFiles(...files(t, '', null)), { ...equal, expected: 0 })
  assert.equal((await compareFiles(...files(t, 'a\nb', 'a\nb'))).equal, false, 'a line without its newline was written')
})

test('only the part of the input that is given counts', async (t) => {
  assert.deepEqual(await compareFiles(...files(t, 'a\nb\nc', 'a\nb\n'), 4), { ...equal, expected: 2 })
})

test('a difference in the last byte of many megabytes is found', async (t) => {
  const big = Buffer.alloc(3_333_330, 'abcdefghi\n')
  const other = Buffer.from(big)
  other[other.length - 2] = 0
  assert.equal((await compareFiles(...files(t, big, big))).equal, true)
  assert.equal((await compareFiles(...files(t, big, other))).equal, false)
})

/** input, output, what is found */
const cases: readonly [string, Bytes, object][] = [
  ['1\n2\n3\n', '1\n3\n', { missing: 1, duplicates: 0, foreign: 0, inOrder: true }],
  ['1\n2\n3\n', null, { missing: 3, duplicates: 0, foreign: 0, inOrder: true }],
  ['1\n2\n3\n', '1\n2\n1\n2\n3\n', { missing: 0, duplicates: 2, foreign: 0, inOrder: true }],
  ['1\n2\n3\n', '2\n1\n3\n', { missing: 0, duplicates: 0, foreign: 0, inOrder: false }],
  ['1\n2\n3\n', '1\nx\n2\n3\n', { missing: 0, duplicates: 0, foreign: 1, inOrder: true }],
  ['1\n1\n2\n', '1\n2\n', { missing: 1, duplicates: 0, foreign: 0, inOrder: true }],
  ['1\n1\n2\n', '1\n1\n1\n2\n', { missing: 0, duplicates: 1, foreign: 0, inOrder: true }],
  ['1\n', '1\n\n', { missing: 0, duplicates: 0, foreign: 1, inOrder: true }],
]
for (const [input, output, found] of cases) {
  test(`${JSON.stringify(input)} and ${JSON.stringify(output)} differ so: ${JSON.stringify(found)}`, async (t) => {
    const { expected: _expected, ...rest } = await compareFiles(...files(t, input, output))
    assert.deepEqual(rest, { equal: false, ...found })
  })
}

test('what does not fit into memory at once is compared in parts with the same counts', async (t) => {
  const lines = Array.from({ length: 5000 }, (_, i) => `line ${i % 4000}`)
  const output = [...lines.slice(10), ...lines.slice(4500), 'stranger']
  const paths = files(t, `${lines.join('\n')}\n`, `${output.join('\n')}\n`)
  const whole = await compareFiles(...paths)
  assert.deepEqual(await compareFiles(...paths, Number.POSITIVE_INFINITY, 700), { ...whole, inOrder: false })
  const { missing, duplicates, foreign } = whole
  assert.deepEqual({ missing, duplicates, foreign }, { missing: 10, duplicates: 500, foreign: 1 })
})

test('the order of parts that are in order one by one is not known', async (t) => {
  const lines = Array.from({ length: 3000 }, (_, i) => `line ${i}`)
  const paths = files(t, `${lines.join('\n')}\n`, `${lines.slice(1).join('\n')}\n`)
  assert.equal((await compareFiles(...paths, Number.POSITIVE_INFINITY, 1000)).inOrder, null)
})

test('lines longer than a read are compared whole', async (t) => {
  const long = (end: string) => `${'x'.repeat(2_500_000)}${end}\n`
  const { missing, foreign } = await compareFiles(...files(t, `${long('a')}${long('b')}`, `${long('a')}${long('c')}`))
  assert.deepEqual({ missing, foreign }, { missing: 1, foreign: 1 })
})

test('a missing input is an error', async (t) => {
  const paths = files(t, 'x\n', 'x\n')
  rmSync(paths[0])
  await assert.rejects(compareFiles(...paths), { code: 'ENOENT' })
})
