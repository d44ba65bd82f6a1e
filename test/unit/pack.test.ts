import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { linesOf, pack, unpack } from '../../runtime/core/pack.ts'

const bytesOf = (value: string) => new TextEncoder().encode(value)

test('whatever lines are packed come out, with the ids that they have as messages of their own', () => {
  const line = fc.record({ body: fc.uint8Array({ maxLength: 40 }), gap: fc.integer({ min: 0, max: 2 ** 31 }) })
  const lines = fc.array(line, { minLength: 1, maxLength: 50 })
  const start = fc.integer({ min: 0, max: 2 ** 45 })
  fc.assert(
    fc.property(fc.string(), start, lines, fc.nat(7), (file, from, written, shift) => {
      let offset = from
      const given = written.map(({ body, gap }, index) => {
        offset += index === 0 ? 0 : gap
        return { body, offset }
      })
      // n.b. a body mostly begins anywhere in its memory.
      const packed = pack(given)
      const body = new Uint8Array(packed.length + shift).subarray(shift)
      body.set(packed)
      const out = unpack(`${file}:${from}`, body, given.length, (id, line) => [id, [...line]])
      assert.deepEqual(
        out,
        given.map((one) => [`${file}:${one.offset}`, [...one.body]]),
      )
    }),
  )
})

test('a pack begins with its lines as text', () => {
  const body = pack(['one', '', 'three'].map((line, offset) => ({ body: bytesOf(line), offset })))
  assert.ok(Buffer.from(body).toString('latin1').startsWith('one\n\nthree\n'))
  assert.equal(body.length, 'one\n\nthree\n'.length + 3 * 8)
})

test('nothing packs to nothing', () => {
  assert.equal(pack([]).length, 0)
})

const two = pack([
  { body: bytesOf('one'), offset: 10 },
  { body: bytesOf('two'), offset: 14 },
])
const changed = (at: number, value: number) => Object.assign(two.slice(), { [at]: value })

for (const [what, id, body, count, problem] of [
  ['no count', 'f:10', two, 'many', 'it says it has many lines'],
  ['a count of none', 'f:10', two, 0, 'it says it has 0 lines'],
  ['a fraction', 'f:10', two, 1.5, 'it says it has 1.5 lines'],
  ['a count beyond its size', 'f:10', two, 100, 'its 24 bytes are too few for 100 lines'],
  ['too small a count', 'f:10', two, 1, 'behind its 1 lines there are 12 bytes more'],
  ['no bytes', 'f:10', new Uint8Array(0), 1, 'its 0 bytes are too few for 1 lines'],
  ['an id of something else', 'a-uuid', two, 2, "its id 'a-uuid' is not that of a line"],
  ['a length that is too long', 'f:10', changed(11, 200), 2, 'line 1 of 2 does not end where its index says'],
  ['a length that is too short', 'f:10', changed(11, 2), 2, 'line 1 of 2 does not end where its index says'],
  ['a last line that ends in the index', 'f:10', changed(19, 4), 2, 'line 2 of 2 does not end where its index says'],
] as const) {
  test(`${what} is no pack, and it is said why`, () => {
    assert.equal(
      unpack(id, body, count, () => {}),
      problem,
    )
  })
}

test('whatever bytes say that they are a pack are lines or a problem, never an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: -1, max: 9 }), (body, count) => {
      const out = unpack('f:0', body, count, () => {})
      assert.ok(typeof out === 'string' || out.length === count)
    }),
  )
})

test('a message without the header is one delivery', () => {
  assert.equal(linesOf({}), null)
  assert.equal(linesOf({ 'kedafn-lines': 3 }), 3)
})
