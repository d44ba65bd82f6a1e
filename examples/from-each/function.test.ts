import assert from 'node:assert/strict'
import { test } from 'node:test'
import { handled } from '#runtime/testing'
import spec from './function.ts'

test('each message is handled', async () => {
  const { done, logged } = await handled(spec, ['one', 'two'])
  assert.deepEqual(done, ['one', 'two'])
  assert.deepEqual(
    logged.map(({ fields }) => fields),
    [{ body: 'one' }, { body: 'two' }],
  )
})

test('an empty message is given up, and the others are done', async () => {
  const { done, failed } = await handled(spec, ['one', ' ', 'two'])
  assert.deepEqual(done, ['one', 'two'])
  assert.deepEqual(
    failed.map(({ verdict, cause }) => [verdict, String(cause)]),
    [['drop', 'DropError: the message is empty']],
  )
})
