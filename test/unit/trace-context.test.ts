import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isChosen, type TraceContext, traceContextOf, traceHeaders } from '../../runtime/core/trace-context.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const spanId = '00f067aa0ba902b7'
const traceparent = `00-${traceId}-${spanId}-01`

test("the standard's own example is read and written", () => {
  const context = traceContextOf({ traceparent, tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE' })
  assert.deepEqual(context, { traceId, spanId, sampled: true, state: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE' })
  assert.deepEqual(traceHeaders(context as TraceContext), {
    traceparent,
    tracestate: 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
  })
})

test('without a tracestate, and not sampled', () => {
  const context = traceContextOf({ traceparent: `00-${traceId}-${spanId}-00` })
  assert.deepEqual(context, { traceId, spanId, sampled: false, state: '' })
  assert.deepEqual(traceHeaders(context as TraceContext), { traceparent: `00-${traceId}-${spanId}-00` })
})

test('of a later version what is known is read, and more behind it left alone', () => {
  for (const value of [`cc-${traceId}-${spanId}-01`, `cc-${traceId}-${spanId}-01-what-will-be`]) {
    assert.equal(traceContextOf({ traceparent: value })?.traceId, traceId)
  }
})

test('a traceparent that is none counts as none', () => {
  const bad = [
    '',
    'hello',
    `ff-${traceId}-${spanId}-01`,
    `00-${traceId}-${spanId}-01-more`,
    `cc-${traceId}-${spanId}-01.more`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-1`,
    `00${traceId}${spanId}01`,
    `00-${traceId}-${spanId}-01\n00-${traceId}-${spanId}-01`,
  ]
  for (const value of [...bad, 7, null, undefined, true, {}, [traceparent], new Uint8Array(55)]) {
    assert.equal(traceContextOf({ traceparent: value }), null, String(value))
  }
})

test('a tracestate that is none is left out, and the trace goes on', () => {
  for (const tracestate of ['no list', '=x', 'a=', 'A=1', 'a=\n', 'a=1;', `a=${'x'.repeat(600)}`, 7, null, {}]) {
    const state = traceContextOf({ traceparent, tracestate })?.state
    if (tracestate !== 'a=1;') assert.equal(state, '', String(tracestate))
    else assert.equal(state, 'a=1;')
  }
})

test('whatever a header holds nothing throws, and what is read can be written and read again', () => {
  fc.assert(
    fc.property(fc.anything(), fc.anything(), (parent, state) => {
      const context = traceContextOf({ traceparent: parent, tracestate: state })
      if (context) assert.deepEqual(traceContextOf(traceHeaders(context)), context)
    }),
  )
  const hex = (length: number) =>
    fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`)).filter((id) => !/^0+$/.test(id))
  fc.assert(
    fc.property(hex(32), hex(16), fc.boolean(), fc.string(), (trace, span, sampled, tracestate) => {
      const written = traceHeaders({ traceId: trace, spanId: span, sampled, state: '' })
      const read = traceContextOf({ ...written, tracestate })
      assert.deepEqual({ ...read, state: '' }, { traceId: trace, spanId: span, sampled, state: '' })
    }),
  )
})

test('of traces as many are chosen as the ratio says, and the same ones everywhere', () => {
  assert.equal(isChosen(`${'f'.repeat(18)}${'0'.repeat(14)}`, 1), true)
  assert.equal(isChosen('f'.repeat(32), 0), false)
  assert.equal(isChosen(`${'0'.repeat(19)}8000000000000`, 0.5), true)
  assert.equal(isChosen(`${'0'.repeat(19)}7ffffffffffff`, 0.5), false)
})
