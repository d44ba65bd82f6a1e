import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FnError } from '../../runtime/core/errors.ts'
import { Problems, redacted } from '../../runtime/core/problems.ts'

/** The lines of the error, without its first. */
function lines(problems: Problems): string[] {
  try {
    problems.throwIfAny('FN_SPEC_INVALID', 'log-consumer')
  } catch (error) {
    assert.ok(error instanceof FnError && error.code === 'FN_SPEC_INVALID')
    const [first, ...rest] = error.message.split('\n')
    assert.equal(first, 'the function spec cannot be satisfied: log-consumer')
    return rest
  }
  return []
}

test('no problem is no error', () => {
  assert.deepEqual(lines(new Problems()), [])
})

test('the error has one line a problem, in the order they were found', () => {
  const problems = new Problems()
  problems.add('batch.size', 0, 'a whole number')
  problems.add('handle', undefined, 'a function')
  problems.unknown('qeue', 'logs', ['queue', 'handle'])
  assert.deepEqual(lines(problems), [
    '  - batch.size is 0; expected a whole number',
    '  - handle is missing; expected a function',
    '  - qeue ("logs") is no option; known here: queue, handle',
  ])
})

const circular: Record<string, unknown> = {}
circular.self = circular

for (const [value, shown] of [
  ['text', '"text"'],
  ['two\nlines', '"two\\nlines"'],
  ['x'.repeat(98), `"${'x'.repeat(98)}"`],
  ['x'.repeat(200), `"${'x'.repeat(99)}…`],
  [Number.NaN, 'NaN'],
  [5n, '5'],
  [true, 'true'],
  [null, 'null'],
  [Symbol('s'), 'Symbol(s)'],
  [{ a: 1 }, '{"a":1}'],
  [['a'], '["a"]'],
  [() => {}, 'a function'],
  [circular, 'an object that has no JSON form'],
  [{ a: 1n }, 'an object that has no JSON form'],
  [redacted, '***'],
] as const) {
  test(`a seen value is shown as ${shown.slice(0, 40)}`, () => {
    const problems = new Problems()
    problems.add('it', value, 'else')
    assert.deepEqual(lines(problems), [`  - it is ${shown}; expected else`])
  })
}
