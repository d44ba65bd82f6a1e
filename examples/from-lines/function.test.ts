import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mapped } from '#runtime/testing'
import spec from './function.ts'

test('a line is sent as it is', () => {
  assert.deepEqual(mapped(spec, 'some words'), { body: 'some words' })
})

test('an empty line is left out', () => {
  assert.equal(mapped(spec, ' '), null)
})
