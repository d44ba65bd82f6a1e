import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Batcher } from '../../runtime/core/batcher.ts'

test('an empty batcher has nothing to wait for and nothing to give', () => {
  const batcher = new Batcher<string>(3, 10)
  assert.equal(batcher.dueInMs(0), null)
  assert.equal(batcher.length, 0)
  assert.deepEqual(batcher.take(), [])
  assert.deepEqual(batcher.clear(), [])
})

test('a batch is due when it is full, however young it is', () => {
  const batcher = new Batcher<string>(2, 1000)
  batcher.push('a', 5)
  assert.equal(batcher.dueInMs(5), 1000)
  batcher.push('b', 5)
  assert.equal(batcher.dueInMs(5), 0)
})

test('a batch is due when its oldest item has waited, whatever came after', () => {
  const batcher = new Batcher<string>(10, 20)
  batcher.push('a', 100)
  batcher.push('b', 115)
  for (const [now, due] of [
    [115, 5],
    [119, 1],
    [120, 0],
    [500, 0],
  ] as const) {
    assert.equal(batcher.dueInMs(now), due)
  }
})

test('what is left after a batch waits from its own arrival on', () => {
  const batcher = new Batcher<string>(2, 20)
  batcher.push('a', 0)
  batcher.push('b', 1)
  batcher.push('c', 12)
  assert.deepEqual(batcher.take(), ['a', 'b'])
  assert.equal(batcher.length, 1)
  assert.equal(batcher.dueInMs(12), 20)
})

test('without a wait whatever is there is due at once', () => {
  const batcher = new Batcher<string>(100, 0)
  batcher.push('a', 7)
  assert.equal(batcher.dueInMs(7), 0)
  assert.deepEqual(batcher.take(), ['a'])
})

test('items leave once, in the order they came, at most a batch at a time', () => {
  const batcher = new Batcher<number>(7, 0)
  const taken: number[] = []
  for (let item = 0; item < 1000; item++) {
    batcher.push(item, item)
    if (item % 11 === 0) {
      const batch = batcher.take()
      assert.ok(batch.length <= 7)
      taken.push(...batch)
    }
  }
  while (batcher.length > 0) taken.push(...batcher.take())
  assert.deepEqual(
    taken,
    Array.from({ length: 1000 }, (_, item) => item),
  )
})

test('clearing takes everything out in order', () => {
  const batcher = new Batcher<string | undefined>(1, 0)
  batcher.push('a', 0)
  batcher.push(undefined, 0)
  batcher.push('c', 0)
  assert.deepEqual(batcher.take(), ['a'])
  assert.deepEqual(batcher.clear(), [undefined, 'c'])
  assert.equal(batcher.length, 0)
  assert.equal(batcher.dueInMs(0), null)
})
