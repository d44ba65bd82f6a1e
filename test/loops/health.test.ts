import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from '../../runtime/doubles/clock.ts'
import { VitalSigns } from '../../runtime/system/vitals.ts'
import { type LogEntry, recordingLog } from './consuming.ts'

function vitals() {
  const clock = new TestClock()
  const entries: LogEntry[] = []
  const health = new VitalSigns(clock, recordingLog(entries), 1000)
  const errors = () => entries.filter(({ level }) => level === 'error').map(({ fields }) => String(fields.error))
  return { clock, health, errors }
}

test('a session is away from its beginning until it stands, and its budget begins there', async () => {
  const { clock, health, errors } = vitals()
  const session = health.session('consumer')
  await clock.tick(999)
  session.away('connect ECONNREFUSED')
  assert.deepEqual(health.answer(), {
    live: true,
    ready: false,
    reasons: ['consumer: no session for 999 ms: connect ECONNREFUSED'],
  })
  await clock.tick(2)
  assert.equal(health.answer().live, false)
  assert.equal(errors().length, 1)
  assert.match(
    errors()[0] ?? '',
    /the consumer has had none for 1000 ms \(KEDAFN_RECONNECT_BUDGET_MS\): .*ECONNREFUSED/,
  )
  session.standing()
  assert.deepEqual(health.answer(), { live: true, ready: true, reasons: [] })
})

test('failed attempts in between give a session no new budget, and the error is logged once for each absence', async () => {
  const { clock, health, errors } = vitals()
  const session = health.session('consumer')
  session.standing()
  for (let absence = 1; absence <= 2; absence++) {
    for (let attempt = 0; attempt < 30; attempt++) {
      session.away("home node 'rabbit@b' of queue 'q' is down")
      await clock.tick(100)
    }
    assert.equal(health.answer().live, false)
    assert.equal(errors().length, absence)
    session.standing()
    session.standing()
    await clock.tick(5000)
    assert.equal(health.answer().live, true)
    assert.equal(errors().length, absence)
  }
})

test('whoever waits for the lock does so without a limit', async () => {
  const { clock, health, errors } = vitals()
  const session = health.session('publisher')
  session.waiting('another producer has the lock')
  await clock.tick(10_000)
  assert.deepEqual(health.answer(), { live: true, ready: true, reasons: ['publisher: another producer has the lock'] })
  assert.deepEqual(errors(), [])
})

test('a block ends with the session that had it', () => {
  const { health } = vitals()
  const session = health.session('publisher')
  session.standing()
  session.blocked('low on memory')
  assert.equal(health.answer().ready, false)
  session.blocked(null)
  assert.equal(health.answer().ready, true)
  session.blocked('low on memory')
  session.away('the connection was closed')
  session.standing()
  assert.equal(health.answer().ready, true)
})

test('a session that has ended says nothing more; without any, the budget runs anew', async () => {
  const { clock, health, errors } = vitals()
  const [first, second] = [health.session('consumer'), health.session('publisher')]
  first.standing()
  second.ended()
  await clock.tick(5000)
  assert.deepEqual(health.answer(), { live: true, ready: true, reasons: [] })
  first.ended()
  await clock.tick(1000)
  assert.equal(health.answer().live, true)
  await clock.tick(1)
  assert.equal(health.answer().live, false)
  assert.deepEqual(errors(), [])
})

test('a process that drains is live, whatever its sessions are', async () => {
  const { clock, health, errors } = vitals()
  health.session('consumer')
  health.drain()
  await clock.tick(5000)
  assert.equal(health.answer().live, true)
  assert.equal(health.answer().ready, false)
  assert.deepEqual(errors(), [])
})
