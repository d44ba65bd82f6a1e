import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readInequivalence } from '../../runtime/core/inequivalence.ts'

const said = (text: string) =>
  `Operation failed: QueueDeclare; 406 (PRECONDITION-FAILED) with message "PRECONDITION_FAILED - inequivalent arg ${text}"`

const expected: Record<string, unknown> = { 'x-n': 5, 'x-b': true, 'x-s': 's' }

for (const [text, argument, found, shown] of [
  ["'x-n' for queue 'q' in vhost '/': received '5' but current is '7'", 'x-n', 7, '7'],
  ["'x-b' for queue 'q' in vhost '/': received 'true' but current is 'false'", 'x-b', false, 'false'],
  ["'x-s' for queue 'q' in vhost '/': received 's' but current is 'it's'", 'x-s', "it's", "it's"],
  ["'durable' for queue 'q' in vhost '/': received 'true' but current is 'false'", 'durable', undefined, 'false'],
  ["'x-n' for queue 'q' in vhost '/': received the value '5' of type 'byte' but current is none", 'x-n', null, 'none'],
  ["'x-n' for queue 'q' in vhost '/': received none but current is the value '9' of type 'signedint'", 'x-n', 9, '9'],
  ["'x-n' for queue 'q' in vhost '/': received none but current is the value '9' of type 'byte'", 'x-n', 9, '9'],
  ["'x-n' for queue 'q' in vhost '/': received none but current is the value '9' of type 'long'", 'x-n', 9, '9'],
  [
    "'x-b' for queue 'q' in vhost '/': received none but current is the value 'true' of type 'bool'",
    'x-b',
    true,
    'true',
  ],
  ["'x-s' for queue 'q' in vhost '/': received none but current is the value 't' of type 'longstr'", 'x-s', 't', 't'],
  [
    "'x-s' for queue 'q' in vhost '/': received none but current is the value 't' of type 'table'",
    'x-s',
    undefined,
    't',
  ],
] as const) {
  test(`of ${text} is read what is found`, () => {
    assert.deepEqual(
      readInequivalence(said(text), (name) => expected[name]),
      { argument, found, shown },
    )
  })
}

test('other words are not taken for it', () => {
  assert.equal(
    readInequivalence("PRECONDITION_FAILED - invalid arg 'x-expires' for queue 'q'", () => 1),
    null,
  )
})
