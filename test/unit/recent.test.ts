import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecentIds } from '../../runtime/core/recent.ts'

test('the last ids are remembered, and those long gone are not', () => {
  const recent = new RecentIds(3)
  assert.equal(recent.has('0'), false)
  for (let n = 0; n < 100; n++) {
    recent.add(`${n}`)
    for (let back = 0; back < Math.min(3, n + 1); back++) assert.equal(recent.has(`${n - back}`), true)
    if (n >= 6) assert.equal(recent.has(`${n - 6}`), false)
  }
})

test('an id that comes again takes no further place', () => {
  const recent = new RecentIds(3)
  recent.add('a')
  for (let n = 0; n < 10; n++) recent.add('b')
  assert.equal(recent.has('a'), true)
})
