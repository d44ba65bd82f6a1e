import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { ChangeKeeper, Rate, type Snapshot, statusLine } from '../../dev/status.ts'

const snapshot: Snapshot = {
  queues: [{ name: 'logs', ready: 1200, unacked: 500, retrying: 0, consumers: 1, wanted: 1 }],
  sent: 12_000,
  confirmed: 11_500,
  written: 10_000,
  dead: 0,
  linesPerSecond: 51_234.5,
  waitedMs: null,
  restarts: 0,
  phase: null,
}
const wide = { columns: Number.POSITIVE_INFINITY, colour: false }

test('the status line has all there is to know', () => {
  assert.equal(
    statusLine(snapshot, wide),
    'logs: 1,200 ready, 500 unacked  sent 12,000  confirmed 11,500  written 10,000  51,235 lines/s  1 consumer',
  )
})

test('while lines are on their way it says how long the last one waited, and how many consumers there are to be', () => {
  const [queue] = snapshot.queues
  assert.ok(queue)
  const queues = [{ ...queue, consumers: 2, wanted: 5 }]
  const line = statusLine({ ...snapshot, queues, waitedMs: 1234, restarts: 2 }, wide)
  assert.match(line, / 51,235 lines\/s {2}waited 1\.2 s {2}2 consumers, 5 wanted {2}2 restarts$/)
})

test('what is wrong comes first: no broker, retries, dead letters', () => {
  const [queue] = snapshot.queues
  assert.ok(queue)
  const queues = [{ ...queue, ready: null, retrying: 3, consumers: 0, wanted: 0 }]
  const line = statusLine({ ...snapshot, queues, dead: 2, phase: 'stopping' }, wide)
  assert.match(line, /^stopping {2}no broker {2}logs: \? ready, 500 unacked {2}3 to retry .* dead 2 .* 0 consumers$/)
})

test('at every width the line fits, and what is written is the last to go', () => {
  for (let columns = 1; columns <= 160; columns++) {
    for (const colour of [false, true]) {
      const line = stripVTControlCharacters(
        statusLine({ ...snapshot, dead: 7, waitedMs: 1, restarts: 1, phase: 'finishing' }, { columns, colour }),
      )
      assert.ok(line.length <= columns, `${line.length} > ${columns}: ${line}`)
      assert.ok(line.includes('written 10,000'.slice(0, columns)), line)
    }
  }
})

test('there are no control characters without colour', () => {
  const line = statusLine({ ...snapshot, dead: 1, phase: 'x' }, wide)
  assert.equal(line, stripVTControlCharacters(line))
  assert.notEqual(statusLine(snapshot, { ...wide, colour: true }), statusLine(snapshot, wide))
})

test('the rate is that of the last two seconds', () => {
  const rate = new Rate()
  assert.equal(rate.perSecond, 0)
  rate.add(0, 0)
  assert.equal(rate.perSecond, 0)
  for (let at = 200; at <= 1000; at += 200) rate.add(at, at)
  assert.equal(rate.perSecond, 1000)
  for (let at = 1200; at <= 10_000; at += 200) rate.add(1000, at)
  assert.equal(rate.perSecond, 0)
})

test('without a terminal a change is printed once, at most one a second, and the last one always', () => {
  const keeper = new ChangeKeeper()
  const offer = (written: number, now: number) => keeper.offer({ ...snapshot, written }, now)?.written ?? null
  assert.equal(offer(1, 0), 1)
  assert.equal(offer(2, 200), null)
  assert.equal(offer(3, 999), null)
  assert.equal(offer(3, 1000), 3)
  assert.equal(offer(3, 5000), null, 'nothing changed')
  assert.equal(offer(4, 5200), 4)
  assert.equal(offer(5, 5400), null)
  assert.equal(keeper.flush(5500)?.written, 5)
  assert.equal(keeper.flush(5600), null)
})

test('a change back is no change, and the speed alone is none either', () => {
  const keeper = new ChangeKeeper()
  keeper.offer(snapshot, 0)
  assert.equal(keeper.offer({ ...snapshot, written: 1 }, 100), null)
  assert.equal(keeper.offer({ ...snapshot, linesPerSecond: 0 }, 2000), null)
  assert.equal(keeper.flush(3000), null)
})
