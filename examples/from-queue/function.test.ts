import assert from 'node:assert/strict'
import { test } from 'node:test'
import { handled } from '#runtime/testing'
import spec from './function.ts'

test('messages are handled as one batch', async () => {
  const { done, logged } = await handled(spec, ['one', 'two'])
  assert.deepEqual(done, ['one', 'two'])
  assert.deepEqual(logged, [{ level: 'info', message: 'handled', fields: { bodies: ['one', 'two'] } }])
})

test('an empty message is given up, and the others are done', async () => {
  const { done, failed } = await handled(spec, ['one', ' ', 'two'])
  assert.deepEqual(done, ['one', 'two'])
  assert.deepEqual(
    failed.map(({ verdict, cause }) => [verdict, cause]),
    [['drop', 'the message is empty']],
  )
})
