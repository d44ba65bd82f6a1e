import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Rotation } from '../../runtime/core/rotation.ts'

test('places are taken in turn, from a random one on', () => {
  const rotation = new Rotation(() => 0.67)
  assert.deepEqual(
    [3, 3, 3, 3].map((count) => rotation.take(count)),
    [2, 0, 1, 2],
  )
})

test('a list that became shorter is gone through all the same', () => {
  const rotation = new Rotation(() => 0.99)
  assert.deepEqual([rotation.take(5), rotation.take(2), rotation.take(1)], [4, 1, 0])
})

test('a round has failed when as many failed as there are, and a success begins a new one', () => {
  const rotation = new Rotation(() => 0)
  assert.deepEqual([rotation.failed(2), rotation.failed(2), rotation.failed(2)], [false, true, false])
  rotation.succeeded()
  assert.deepEqual([rotation.failed(2), rotation.failed(2), rotation.failed(1)], [false, true, true])
})
