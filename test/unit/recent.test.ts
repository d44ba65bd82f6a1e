import assert from 'node:assert/strict'
import { test } from 'node:test'
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
