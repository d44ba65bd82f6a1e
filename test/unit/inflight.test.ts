import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Prefix } from '../../runtime/core/inflight.ts'
import { seeded } from './seeded.ts'

test('sequence numbers count from the first one asked for', () => {
  const fromZero = new Prefix<string>()
  assert.deepEqual([fromZero.begin('a'), fromZero.begin('b')], [0, 1])
  const fromOne = new Prefix<string>(1)
  assert.deepEqual([fromOne.begin('a'), fromOne.begin('b')], [1, 2])
})

test('what is done counts only once all before it is done', () => {
  const prefix = new Prefix<string>(1)
  for (const entry of ['a', 'b', 'c']) prefix.begin(entry)
  prefix.finish(2)
  assert.equal(prefix.advance(), null)
  assert.equal(prefix.open, 2)
  assert.equal(prefix.held, 3)
  prefix.finish(1)
  const given: [string, number][] = []
  assert.equal(
    prefix.advance((entry, sequence) => given.push([entry, sequence])),
    2,
  )
  assert.deepEqual(given, [
    ['a', 1],
    ['b', 2],
  ])
  assert.equal(prefix.open, 1)
  assert.equal(prefix.held, 1)
  assert.equal(prefix.advance(), null)
})

test('an entry is finished once, and only one that was begun', () => {
  const prefix = new Prefix<string>(1)
  prefix.begin('a')
  for (const sequence of [0, 2, -1, 0.5, Number.NaN]) assert.equal(prefix.finish(sequence), false, `${sequence}`)
  assert.equal(prefix.finish(1), true)
  assert.equal(prefix.finish(1), false)
  prefix.advance()
  assert.equal(prefix.finish(1), false)
  assert.equal(prefix.open, 0)
})

test('entries begun and finished while the prefix advances are given up too', () => {
  const prefix = new Prefix<number>()
  prefix.finish(prefix.begin(0))
  const given: number[] = []
  const last = prefix.advance((entry) => {
    given.push(entry)
    if (entry < 5) prefix.finish(prefix.begin(entry + 1))
  })
  assert.deepEqual(given, [0, 1, 2, 3, 4, 5])
  assert.equal(last, 5)
})

/** The same thing written for the eye: one list, nothing ever cut off. */
class Model {
  readonly entries: { entry: number; done: boolean; given: boolean }[] = []
  readonly first: number

  constructor(first: number) {
    this.first = first
  }

  begin(entry: number): number {
    return this.first + this.entries.push({ entry, done: false, given: false }) - 1
  }

  finish(sequence: number): boolean {
    const found = this.entries[sequence - this.first]
    if (!found || found.done) return false
    found.done = true
    return true
  }

  advance(): { last: number | null; given: [number, number][] } {
    const given: [number, number][] = []
    for (const [index, found] of this.entries.entries()) {
      if (!found.done) break
      if (!found.given) given.push([found.entry, this.first + index])
      found.given = true
    }
    return { last: given.at(-1)?.[1] ?? null, given }
  }

  pending(): { sequence: number; entry: number }[] {
    return this.entries.flatMap(({ entry, done }, index) => (done ? [] : [{ sequence: this.first + index, entry }]))
  }
}

test('the prefix does what the naive model does, for any order of begins, finishes and advances', () => {
  const next = seeded(3)
  for (let run = 0; run < 60; run++) {
    const first = next(3)
    const prefix = new Prefix<number>(first)
    const model = new Model(first)
    for (let action = 0; action < 300; action++) {
      const kind = next(5)
      const label = `run ${run}, action ${action}`
      if (kind < 2) assert.equal(prefix.begin(action), model.begin(action), label)
      else if (kind < 4) {
        const sequence = first - 1 + next(model.entries.length + 3)
        assert.equal(prefix.finish(sequence), model.finish(sequence), label)
      } else {
        const given: [number, number][] = []
        const last = prefix.advance((entry, sequence) => given.push([entry, sequence]))
        assert.deepEqual({ last, given }, model.advance(), label)
      }
      const pending = model.pending()
      assert.equal(prefix.open, pending.length, label)
      assert.equal(prefix.held, model.entries.filter(({ given }) => !given).length, label)
      if (action % 25 === 0) assert.deepEqual([...prefix.pending()], pending, label)
    }
  }
})

test('a long run keeps its numbers while the memory behind it is cut off', () => {
  const prefix = new Prefix<number>(1)
  const window = 100
  let expected = 1
  for (let sequence = 1; sequence <= 20_000; sequence++) {
    assert.equal(prefix.begin(sequence), sequence)
    if (sequence <= window) continue
    assert.equal(prefix.finish(sequence - window), true)
    assert.equal(
      prefix.advance((entry, given) => assert.deepEqual([entry, given], [expected, expected++])),
      sequence - window,
    )
  }
  assert.equal(prefix.held, window)
  assert.equal(prefix.finish(20_000 - window), false)
  assert.deepEqual([...prefix.pending()].at(-1), { sequence: 20_000, entry: 20_000 })
})

test('what is done behind something that is not is held, and told', () => {
  const prefix = new Prefix<string>()
  const [a, b, c] = [prefix.begin('a'), prefix.begin('b'), prefix.begin('c')]
  prefix.finish(b)
  prefix.finish(c)
  assert.deepEqual([...prefix.behind()], ['b', 'c'])
  prefix.finish(a)
  prefix.advance()
  assert.deepEqual([...prefix.behind()], [])
})
