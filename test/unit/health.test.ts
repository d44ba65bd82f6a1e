import assert from 'node:assert/strict'
import { test } from 'node:test'
import { awayMs, healthOf, type SessionHealth } from '../../runtime/core/health.ts'

const budgetMs = 1000
const session = (over: Partial<SessionHealth>): SessionHealth => ({
  role: 'consumer',
  state: 'standing',
  sinceMs: 0,
  cause: '',
  blocked: null,
  ...over,
})
const at = (nowMs: number, ...sessions: Partial<SessionHealth>[]) =>
  healthOf({ sessions: sessions.map(session), noneSinceMs: 0, draining: false }, nowMs, budgetMs)

test('who stands is live and ready, for ever', () => {
  assert.deepEqual(at(1e9, {}, { role: 'publisher' }), { live: true, ready: true, reasons: [] })
})

test('who waits for the lock is live and ready, for ever, and says what for', () => {
  const waiting = { role: 'publisher', state: 'waiting', cause: 'another producer has the lock' } as const
  assert.deepEqual(at(1e9, waiting), { live: true, ready: true, reasons: ['publisher: another producer has the lock'] })
})

test('who is away is not ready, and live until its budget is over', () => {
  const away = { state: 'away', sinceMs: 500, cause: 'connect ECONNREFUSED' } as const
  const reasons = (ms: number) => [`consumer: no session for ${ms} ms: connect ECONNREFUSED`]
  assert.deepEqual(at(1500, away), { live: true, ready: false, reasons: reasons(1000) })
  assert.deepEqual(at(1501, away), { live: false, ready: false, reasons: reasons(1001) })
})

test('one session that is away for too long is enough, whatever the others do', () => {
  assert.equal(at(2000, {}, { state: 'away', sinceMs: 0 }).live, false)
  assert.equal(at(2000, { state: 'away', sinceMs: 0 }, {}).live, false)
})

test('who is blocked by an alarm is live for ever, for a restart would not mend it, but not ready', () => {
  const reasons = ['publisher: the broker blocks publishing: low on memory']
  assert.deepEqual(at(1e9, { role: 'publisher', blocked: 'low on memory' }), { live: true, ready: false, reasons })
})

test('a process without any session has the same budget', () => {
  assert.deepEqual(at(1000), { live: true, ready: false, reasons: ['no session yet'] })
  assert.deepEqual(at(1001), { live: false, ready: false, reasons: ['no session yet'] })
})

test('who drains is live and not ready, whatever its sessions are', () => {
  const sessions = [session({ state: 'away' })]
  const draining = healthOf({ sessions, noneSinceMs: 0, draining: true }, 1e9, budgetMs)
  assert.equal(draining.live, true)
  assert.equal(draining.ready, false)
  assert.equal(draining.reasons[0], 'draining')
  assert.equal(healthOf({ sessions: [], noneSinceMs: 0, draining: true }, 1e9, budgetMs).live, true)
})

test('only who is away has been away, and never for less than nothing', () => {
  assert.equal(awayMs(session({ state: 'away', sinceMs: 7 }), 10), 3)
  assert.equal(awayMs(session({ state: 'away', sinceMs: 11 }), 10), 0)
  assert.equal(awayMs(session({ state: 'waiting', sinceMs: 7 }), 10), 0)
})
