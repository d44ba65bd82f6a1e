import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pack } from '../../runtime/core/pack.ts'
import { RecentMessages } from '../../runtime/core/recent.ts'

const none = new Uint8Array(0)
const text = (value: string) => new TextEncoder().encode(value)

test('the last messages are remembered, and those long gone are not', () => {
  const recent = new RecentMessages(3)
  assert.equal(recent.has('0', none), false)
  for (let n = 0; n < 100; n++) {
    recent.add(`${n}`, none)
    for (let back = 0; back < Math.min(3, n + 1); back++) assert.equal(recent.has(`${n - back}`, none), true)
    if (n >= 6) assert.equal(recent.has(`${n - 6}`, none), false)
  }
})

test('the same id with another body is another message', () => {
  const recent = new RecentMessages(10)
  const long = 'x'.repeat(1000)
  for (const [body, other] of [
    ['', ' '],
    ['a', 'b'],
    [long, `${long}x`],
    [`${long}a`, `${long}b`],
    [`a${long}`, `b${long}`],
    ['x'.repeat(40), `${'x'.repeat(39)}y`],
  ] as const) {
    recent.add('id', text(body))
    assert.equal(recent.has('id', text(body)), true)
    assert.equal(recent.has('id', text(other)), false)
  }
})

test('bodies that differ in one bit are told apart, wherever near their ends it is', () => {
  for (const length of [1, 3, 4, 5, 31, 32, 33, 64, 100]) {
    const body = new Uint8Array(length)
    for (const at of [0, 1, 2, 3, length - 4, length - 3, length - 2, length - 1]) {
      if (at < 0 || at >= length) continue
      for (let bit = 0; bit < 8; bit++) {
        const recent = new RecentMessages(10)
        recent.add('id', body)
        const other = body.slice()
        other[at] = 1 << bit
        assert.equal(recent.has('id', other), false, `${length} bytes, bit ${bit} of byte ${at}`)
        assert.equal(recent.has('id', body), true)
      }
    }
  }
})

const lines = ['one', 'two', 'three'].map((body, number) => ({ body: text(body), offset: 100 + 10 * number }))

test('the lines of a message of many are remembered by the ids and bodies that they have alone, before and after somebody asks', () => {
  const recent = new RecentMessages(10)
  assert.equal(recent.addPacked('f:100', pack(lines), 3), true)
  for (const { body, offset } of lines) assert.equal(recent.has(`f:${offset}`, body), true)
  assert.equal(recent.has('f:100', text('other')), false)
  assert.equal(recent.has('f:105', text('one')), false)
  const [line] = lines
  assert.ok(line)
  recent.addPacked(
    'g:0',
    pack([
      { ...line, offset: 0 },
      { body: text('next'), offset: 4 },
    ]),
    2,
  )
  assert.equal(recent.has('g:4', text('next')), true)
  assert.equal(recent.has('f:110', text('two')), true)
})

test('each line of a message of many counts as one', () => {
  const recent = new RecentMessages(6)
  for (let n = 0; n < 4; n++) recent.addPacked(`f${n}:100`, pack(lines), 3)
  assert.equal(recent.has('f2:100', text('one')), true)
  assert.equal(recent.has('f1:100', text('one')), false)
  recent.addPacked('f4:100', pack(lines), 3)
  assert.equal(recent.has('f2:100', text('one')), true)
  recent.add('5', none)
  recent.add('6', none)
  recent.add('7', none)
  assert.equal(recent.has('f3:100', text('one')), false)
})

test('a message of long lines is not kept', () => {
  const long = ['a', 'b'].map((letter, number) => ({ body: text(letter.repeat(300)), offset: 301 * number }))
  const recent = new RecentMessages(10)
  assert.equal(recent.addPacked('f:0', pack(long), 2), false)
  assert.equal(recent.has('f:0', text('a'.repeat(300))), false)
})
