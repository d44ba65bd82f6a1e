import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  failedAttempts,
  firstFailureAt,
  header,
  isSuspect,
  movedHeaders,
  partHeaders,
  replayHeaders,
  suspectHeaders,
  withoutBrokerHeaders,
} from '../../runtime/core/headers.ts'

test('the names of our headers share a prefix and differ', () => {
  const names = Object.values(header)
  for (const name of names) assert.match(name, /^kedafn-[a-z-]+$/)
  assert.equal(new Set(names).size, names.length)
})

test('failed attempts are what our own header says', () => {
  assert.equal(failedAttempts({}), 0)
  for (const failed of [1, 2, 1000]) assert.equal(failedAttempts({ [header.failed]: failed }), failed)
  assert.equal(failedAttempts({ 'x-delivery-count': 9 }), 0)
})

test('a header that is no sane count of attempts counts as none', () => {
  for (const value of ['3', 3n, -1, 0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60, null, undefined, [3], {}]) {
    assert.equal(failedAttempts({ [header.failed]: value }), 0)
  }
})

test("a republish carries the user's headers and none that the broker writes or acts on", () => {
  const own = {
    tenant: 'a',
    'x-tenant': 'b',
    'x-deathly': 1,
    'x-delivery-count-mine': 1,
    cc: ['x'],
    CCC: 1,
    [header.failed]: 2,
  }
  const brokers = {
    'x-death': [{ count: 1 }],
    'x-first-death-queue': 'q',
    'x-first-death-exchange': '',
    'x-last-death-reason': 'expired',
    'x-delivery-count': 4,
    'x-acquired-count': 4,
    'x-stream-offset': 9,
    'x-opt-delivery-time': 1,
    CC: ['other'],
    BCC: ['other'],
  }
  const headers = { ...brokers, ...own }
  assert.deepEqual(withoutBrokerHeaders(headers), own)
  assert.equal(Object.keys(headers).length, 17)
})

test("what goes back by itself or is to be handled alone says so, and keeps its headers but the broker's", () => {
  const headers = { tenant: 'a', 'x-death': [], 'x-delivery-count': 3 }
  assert.deepEqual(partHeaders(headers), { tenant: 'a', [header.mayRepeat]: true })
  assert.deepEqual(suspectHeaders(headers), { tenant: 'a', [header.suspect]: true })
  assert.equal(isSuspect(suspectHeaders(headers)), true)
  assert.equal(isSuspect(headers), false)
})

const failure = { queue: 'logs', code: 'FN_HANDLER_FAILED', cause: 'no', failed: 1, at: Date.UTC(2026, 0, 2) } as const

test('a moved message says where it comes from, how often and why it failed, and when', () => {
  assert.deepEqual(movedHeaders({ tenant: 'a', 'x-death': [] }, failure), {
    tenant: 'a',
    [header.failed]: 1,
    [header.origin]: 'logs',
    [header.code]: 'FN_HANDLER_FAILED',
    [header.cause]: 'no',
    [header.firstFailure]: '2026-01-02T00:00:00.000Z',
    [header.lastFailure]: '2026-01-02T00:00:00.000Z',
  })
})

test('a second failure keeps the time of the first and replaces the rest', () => {
  const once = movedHeaders({}, failure)
  const twice = movedHeaders(once, {
    ...failure,
    code: 'FN_ATTEMPTS_EXHAUSTED',
    failed: 2,
    at: failure.at + 5000,
    cause: 'x',
  })
  assert.deepEqual(twice, {
    ...once,
    [header.failed]: 2,
    [header.code]: 'FN_ATTEMPTS_EXHAUSTED',
    [header.cause]: 'x',
    [header.lastFailure]: '2026-01-02T00:00:05.000Z',
  })
})

test('a first failure that is no text is replaced', () => {
  const moved = movedHeaders({ [header.firstFailure]: 5 }, failure)
  assert.equal(moved[header.firstFailure], '2026-01-02T00:00:00.000Z')
})

test('a long cause is cut', () => {
  const moved = movedHeaders({}, { ...failure, cause: 'x'.repeat(100_000) })
  assert.equal(moved[header.cause], 'x'.repeat(1024))
})

test('the first failure is a time or unknown', () => {
  assert.equal(firstFailureAt({ [header.firstFailure]: '2026-01-01T00:00:00.000Z' }), Date.UTC(2026, 0, 1))
  for (const value of [undefined, '', 'yesterday', 7n])
    assert.equal(firstFailureAt({ [header.firstFailure]: value }), null)
})

test('a replayed message keeps what it is and where it comes from, and nothing of its past deliveries', () => {
  const own = { tenant: 'a', traceparent: '00-1-2-01', tracestate: 'a=b', [header.lines]: 3 }
  const past = {
    ...movedHeaders({}, failure),
    [header.suspect]: true,
    [header.mayRepeat]: true,
    [header.replay]: 'logs.history@1 2026-01-01T00:00:00.000Z',
    'x-stream-offset': 7,
    'x-death': [],
    CC: ['other'],
  }
  assert.deepEqual(replayHeaders({ ...own, ...past }, { stream: 'logs.history', offset: 7, at: failure.at }), {
    ...own,
    [header.replay]: 'logs.history@7 2026-01-02T00:00:00.000Z',
  })
})
