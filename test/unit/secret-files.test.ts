import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Problems } from '../../runtime/core/problems.ts'
import { noFiles, type ReadText, withFiles } from '../../runtime/core/secret-files.ts'

/** The value of NAME and the problems, by what stands in the one file there is. */
function resolved(content: string | null, env: Record<string, string>, read?: ReadText) {
  const problems = new Problems()
  const values = withFiles(problems, ['NAME'], env, read ?? (() => content ?? assert.fail('no such file')))
  try {
    problems.throwIfAny('FN_ENV_INVALID', 'fn')
    return values.NAME
  } catch (error) {
    return `${error}`
  }
}

test('one newline is cut from the end of a file, and nothing else', () => {
  for (const [content, value] of [
    ['a', 'a'],
    ['a\n', 'a'],
    ['a\r\n', 'a'],
    ['a\n\n', 'a\n'],
    [' a ', ' a '],
    ['\n', ''],
    ['', ''],
  ] as const) {
    assert.equal(resolved(content, { NAME_FILE: '/f' }), value)
  }
})

test('without a file the variable is what it is, an empty one beside a file included', () => {
  assert.equal(resolved(null, { NAME: 'a' }), 'a')
  assert.equal(resolved(null, { NAME: 'a', NAME_FILE: '' }), 'a')
  assert.equal(resolved('b', { NAME: '', NAME_FILE: '/f' }), 'b')
})

test('both, and a file that cannot be read, are problems that name option and path, and no value', () => {
  assert.match(
    `${resolved('b', { NAME: 'hush', NAME_FILE: '/f' })}`,
    /NAME_FILE is "\/f"; expected NAME or NAME_FILE, not both$/,
  )
  assert.match(
    `${resolved(null, { NAME_FILE: '/f' })}`,
    /NAME_FILE is "\/f"; expected a file that can be read \(no such file\)$/,
  )
  assert.match(`${resolved(null, { NAME_FILE: '/f' }, noFiles)}`, /files are not read here/)
  assert.doesNotMatch(`${resolved('b', { NAME: 'hush', NAME_FILE: '/f' })}`, /hush/)
})
