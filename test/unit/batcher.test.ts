import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Batcher, KeyedBatcher } from '../../runtime/core/batcher.ts'

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

test('what is put back leaves first, and at once', () => {
  const batcher = new Batcher<string>(2, 50)
  batcher.push('c', 0)
  batcher.putBack(['a', 'b'])
  assert.equal(batcher.dueInMs(0), 0)
  assert.deepEqual(batcher.take(), ['a', 'b'])
  batcher.release()
  assert.deepEqual(batcher.take(), ['c'])
})

const keyed = (size = 1, maxWaitMs = 0) => new KeyedBatcher<string>(size, maxWaitMs, (item) => item[0] as string)

test('by key: the next of a key leaves when the one before is released, other keys beside it', () => {
  const batcher = keyed()
  for (const item of ['a1', 'a2', 'b1', 'a3']) batcher.push(item, 0)
  assert.equal(batcher.length, 4)
  assert.deepEqual(batcher.take(), ['a1'])
  assert.deepEqual(batcher.take(), ['b1'])
  assert.equal(batcher.dueInMs(0), null)
  assert.deepEqual(batcher.take(), [])
  batcher.release(['a1'])
  assert.equal(batcher.dueInMs(0), 0)
  assert.deepEqual(batcher.take(), ['a2'])
  batcher.release(['b1'])
  batcher.release(['a2'])
  assert.deepEqual(batcher.take(), ['a3'])
  batcher.release([])
  assert.equal(batcher.length, 0)
})

test('by key: a batch holds one key, and a full one goes before an older one', () => {
  const batcher = keyed(2, 100)
  batcher.push('a1', 0)
  batcher.push('b1', 1)
  assert.equal(batcher.dueInMs(50), 50)
  batcher.push('b2', 50)
  assert.equal(batcher.dueInMs(50), 0)
  assert.deepEqual(batcher.take(), ['b1', 'b2'])
  assert.equal(batcher.dueInMs(60), 40)
  batcher.push('c1', 60)
  assert.equal(batcher.dueInMs(60), 40, 'the one that is due first counts')
  assert.deepEqual(batcher.take(), ['a1'])
})

test('by key: what is put back leaves before what came behind it', () => {
  const batcher = keyed(1, 100)
  for (const item of ['a1', 'a2', 'b1']) batcher.push(item, 0)
  assert.deepEqual(batcher.take(), ['a1'])
  batcher.putBack(['a1'])
  batcher.release(['a1'])
  assert.equal(batcher.dueInMs(0), 0)
  assert.deepEqual(batcher.take(), ['a1'])
  batcher.putBack(['a1'])
  assert.deepEqual(batcher.clear(), ['a1', 'a2', 'b1'])
  assert.deepEqual(batcher.take(), [])
  assert.equal(batcher.length, 0)
})

test('by key: random work keeps the order of each key', () => {
  const batcher = keyed(3)
  const running: string[][] = []
  const done = new Map<string, number[]>()
  let seed = 7
  const next = (below: number) => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff
    return (seed >> 8) % below
  }
  const finish = () => {
    const [batch] = running.splice(next(running.length), 1) as [string[]]
    if (next(4) === 0) batcher.putBack(batch)
    else
      for (const item of batch)
        done.set(item[0] as string, [...(done.get(item[0] as string) ?? []), Number(item.slice(1))])
    batcher.release(batch)
  }
  for (let n = 0; n < 2000; n++) {
    batcher.push(`${'abcdefg'[next(7)]}${n}`, n)
    if (next(2) === 0 && batcher.dueInMs(n) === 0) running.push(batcher.take())
    if (running.length > 3) finish()
  }
  while (batcher.length > 0 || running.length > 0) {
    if (batcher.dueInMs(9999) === 0) running.push(batcher.take())
    else finish()
  }
  assert.equal([...done.values()].flat().length, 2000)
  for (const numbers of done.values())
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    )
})
