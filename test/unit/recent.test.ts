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

test('a message that comes again takes no further place', () => {
  const recent = new RecentMessages(3)
  recent.add('a', none)
  for (let n = 0; n < 10; n++) recent.add('b', none)
  assert.equal(recent.has('a', none), true)
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
