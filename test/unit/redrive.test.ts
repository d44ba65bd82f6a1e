import assert from 'node:assert/strict'
import { test } from 'node:test'
import { header } from '../../runtime/core/headers.ts'
import { redriveCount, redrivenHeaders, redrivesOf } from '../../runtime/core/redrive.ts'

const at = Date.parse('2026-03-01T12:00:00Z')
const died = { code: 'FN_ATTEMPTS_EXHAUSTED', cause: 'no route' }

test('a message that is moved back begins anew: attempts, failures and the mark of a suspect are gone, and so is what the broker wrote', () => {
  const headers = {
    [header.failed]: 5,
    [header.origin]: 'logs',
    [header.code]: 'FN_ATTEMPTS_EXHAUSTED',
    [header.cause]: 'no route',
    [header.firstFailure]: '2026-03-01T10:00:00.000Z',
    [header.lastFailure]: '2026-03-01T11:00:00.000Z',
    [header.suspect]: true,
    [header.lines]: 3,
    'x-death': [{ count: 1 }],
    'x-delivery-count': 7,
    traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
    tracestate: 'a=b',
    tenant: 'mine',
  }
  assert.deepEqual(redrivenHeaders(headers, died, at, false), {
    [header.lines]: 3,
    traceparent: headers.traceparent,
    tracestate: 'a=b',
    tenant: 'mine',
    [header.redrives]: 1,
    [header.redriven]: [{ at: '2026-03-01T12:00:00.000Z', ...died, failed: 5 }],
  })
})

test('what may have been moved before says so', () => {
  assert.equal(redrivenHeaders({}, died, at, true)[header.mayRepeat], true)
  assert.equal(header.mayRepeat in redrivenHeaders({}, died, at, false), false)
})

test('the history keeps the last ten redrives, oldest first, counts all of them, and cuts a long cause', () => {
  let headers: Record<string, unknown> = {}
  for (let n = 1; n <= 12; n++) {
    headers = redrivenHeaders(headers, { code: 'FN_DROPPED', cause: `${n} ${'x'.repeat(1000)}` }, at + n * 1000, false)
  }
  assert.equal(redriveCount(headers), 12)
  const redrives = redrivesOf(headers)
  assert.deepEqual(
    redrives.map(({ cause }) => cause.split(' ')[0]),
    ['3', '4', '5', '6', '7', '8', '9', '10', '11', '12'],
  )
  for (const { cause } of redrives) assert.equal(cause.length, 256)
})

test('a history that cannot be read counts as none', () => {
  for (const value of [undefined, 'x', {}, null, 3, [null, 'x', 1, {}, { at: 1, code: 'a', cause: 'b' }]]) {
    assert.deepEqual(redrivesOf({ [header.redriven]: value }), [])
  }
  assert.deepEqual(redrivesOf({ [header.redriven]: [{ at: 'a', code: 'b', cause: 'c', failed: 'd' }] }), [
    { at: 'a', code: 'b', cause: 'c', failed: 0 },
  ])
  for (const value of ['3', -1, 1.5, null, undefined, Number.NaN])
    assert.equal(redriveCount({ [header.redrives]: value }), 0)
})
