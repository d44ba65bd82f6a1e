import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  DropError,
  describe,
  errorCodes,
  exitCodeOf,
  FnError,
  retiredErrorCodes,
  saysDrop,
} from '../../runtime/core/errors.ts'

test('an error carries its code, its verdict, its summary and what happened this time', () => {
  const cause = new Error('why')
  const error = new FnError('FN_SETUP_FAILED', 'log-consumer: no disk', { cause })
  assert.equal(error.name, 'FnError')
  assert.equal(error.code, 'FN_SETUP_FAILED')
  assert.equal(error.verdict, 'fatal')
  assert.equal(error.message, "the function's setup failed: log-consumer: no disk")
  assert.equal(error.cause, cause)
  assert.ok(error instanceof Error)
})

test('codes are upper case with the prefix, and a retired one is never used again', () => {
  assert.ok(errorCodes.length > 0)
  for (const code of errorCodes) assert.match(code, /^FN_[A-Z]+(_[A-Z]+)*$/)
  assert.deepEqual(
    errorCodes.filter((code) => retiredErrorCodes.includes(code)),
    [],
  )
})

test('a drop error says drop, and so does an error of the runtime whose verdict it is', () => {
  const error = new DropError('useless', { cause: 1 })
  assert.equal(error.name, 'DropError')
  assert.equal(error.message, 'useless')
  assert.equal(error.cause, 1)
  for (const thrown of [error, new FnError('FN_MESSAGE_TOO_LARGE', ''), { verdict: 'drop' }]) {
    assert.equal(saysDrop(thrown), true)
  }
  for (const thrown of [new Error('x'), new FnError('FN_HANDLER_FAILED', ''), { verdict: 'retry' }, null, 'drop', 1]) {
    assert.equal(saysDrop(thrown), false)
  }
})

test('only a configuration error exits with 2', () => {
  assert.equal(exitCodeOf(new FnError('FN_SPEC_INVALID', '')), 2)
  assert.equal(exitCodeOf(new FnError('FN_ENV_INVALID', '')), 2)
  for (const thrown of [new FnError('FN_LOGIN_REFUSED', ''), new Error('x'), { verdict: 'config' }, undefined]) {
    assert.equal(exitCodeOf(thrown), 1)
  }
})

class Nameless extends Error {
  override readonly name = 'Nameless'
}
const circular: Record<string, unknown> = {}
circular.self = circular
const hostile = {
  get message(): string {
    throw new Error('no')
  },
}

test('whatever was thrown can be described', () => {
  for (const [thrown, expected] of [
    [new Error('words'), 'words'],
    [new Nameless(), 'Nameless'],
    [Object.assign(new Error(), { message: 42 }), 'Error'],
    ['a string', 'a string'],
    ['', ''],
    [undefined, 'undefined'],
    [null, 'null'],
    [7, '7'],
    [7n, '7'],
    [Symbol('s'), 'Symbol(s)'],
    [{ message: 'from another realm' }, 'from another realm'],
    [{ code: 5 }, '{"code":5}'],
    [{ toJSON: () => undefined }, 'undefined'],
    [[1, 'two'], '[1,"two"]'],
    [circular, 'a value that cannot be shown'],
    [hostile, 'a value that cannot be shown'],
    [new AggregateError([new Error('v6 refused'), new Error('v4 refused')]), 'v6 refused; v4 refused'],
    [new AggregateError(['only']), 'only'],
    [new AggregateError([], ''), 'AggregateError'],
    [new AggregateError([new Error('inner')], 'outer'), 'outer'],
  ] as const) {
    assert.equal(describe(thrown), expected)
  }
})
