import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readableLine } from '../../runtime/core/readable-line.ts'

const head = { time: '2026-11-24T10:00:01.234Z', level: 'info', message: 'consuming', function: 'log-consumer' }

test('an entry is its time of day, its level, its message and its fields', () => {
  assert.equal(
    readableLine({ ...head, queue: 'logs', prefetch: 1000, ids: ['a'], cause: 'two words', nothing: undefined }),
    '10:00:01.234 INFO  consuming  queue=logs  prefetch=1000  ids=["a"]  cause="two words"  nothing=undefined',
  )
})

test('a warning and an error have a colour, and an error its stack below', () => {
  assert.equal(readableLine({ ...head, level: 'warn' }), '\u001b[33m10:00:01.234 WARN  consuming\u001b[0m')
  const error = { name: 'Error', message: 'no disk', stack: 'Error: no disk\n    at here' }
  const line = readableLine({ ...head, level: 'error', error })
  assert.equal(line, '\u001b[31m10:00:01.234 ERROR consuming  error="no disk"\nError: no disk\n    at here\u001b[0m')
  assert.equal(
    readableLine({ ...head, error: { message: 'no stack' } }),
    '10:00:01.234 INFO  consuming  error="no stack"',
  )
})

test('nothing that a message holds can take hold of the terminal', () => {
  const line = readableLine({
    ...head,
    message: '\u001b[2Jgone',
    body: 'a\u0007\u009b1m',
    error: { message: 'x', stack: '\u001b]0;t' },
  })
  assert.ok(!/[^\P{Cc}\n\t]/u.test(line), JSON.stringify(line))
})
