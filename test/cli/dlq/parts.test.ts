import assert from 'node:assert/strict'
import { test } from 'node:test'
import { filterOf, fits } from '../../../cli/commands/dlq/filter.ts'
import { Groups } from '../../../cli/commands/dlq/groups.ts'
import { type Letter, letterOf } from '../../../cli/commands/dlq/letter.ts'
import { Pace } from '../../../cli/commands/dlq/pace.ts'
import { asJson, shownPayload } from '../../../cli/commands/dlq/payload.ts'
import { functionQueueOf } from '../../../cli/commands/dlq/reading.ts'

const now = Date.parse('2026-03-01T12:00:00Z')
const nothing = { code: [], cause: undefined, 'older-than': undefined, 'newer-than': undefined, id: [] }
const letter = (headers: Record<string, unknown>, body = 'x'): Letter =>
  letterOf({ headers, properties: { messageId: 'f:1' }, body: Buffer.from(body) }, 'logs')

test('all that a filter names has to fit, of several codes or ids one', () => {
  const one = letter({
    'kedafn-code': 'FN_DROPPED',
    'kedafn-cause': 'No Disk',
    'kedafn-last-failure': '2026-03-01T10:30:00Z',
  })
  const cases: [Partial<typeof nothing> | Record<string, unknown>, boolean][] = [
    [{}, true],
    [{ code: ['fn_dropped'] }, true],
    [{ code: ['FN_TOO_OLD', 'FN_DROPPED'] }, true],
    [{ code: ['FN_TOO_OLD'] }, false],
    [{ cause: 'no disk' }, true],
    [{ cause: 'net' }, false],
    [{ id: ['f:1'] }, true],
    [{ id: ['f:2'] }, false],
    [{ 'older-than': '1h29m59s' }, true],
    [{ 'older-than': '1.5h' }, false],
    [{ 'newer-than': '2h' }, true],
    [{ 'newer-than': '90m' }, false],
    [{ code: ['FN_DROPPED'], 'newer-than': '1h' }, false],
  ]
  for (const [given, fitting] of cases) {
    assert.equal(fits(filterOf({ ...nothing, ...given }), one, now), fitting, JSON.stringify(given))
  }
})

test('what does not say when it failed fits no age', () => {
  for (const given of [{ 'older-than': '0s' }, { 'newer-than': '10000d' }]) {
    assert.equal(fits(filterOf({ ...nothing, ...given }), letter({}), now), false)
  }
})

test('a time that is none is refused', () => {
  for (const time of ['2', 'h', '2 h', '-2h', '2h30', '2y', '']) {
    assert.throws(() => filterOf({ ...nothing, 'older-than': time }), /expected a number and a unit/)
  }
})

test('a letter that claims to come from the dead letters, or from nowhere, comes from their queue', () => {
  assert.equal(letter({ 'kedafn-origin': 'logs.dead' }).origin, 'logs')
  assert.equal(letter({}).origin, 'logs')
  assert.equal(letter({ 'kedafn-origin': 'others' }).origin, 'others')
  assert.equal(letter({ 'x-death': [{ reason: 'rejected', queue: 'mine' }] }).origin, 'mine')
})

test('headers of any shape make a letter', () => {
  for (const odd of [null, 7, 'x', [], {}, [[]], [{}], { '!': 'timestamp', value: 'x' }, Buffer.from('x')]) {
    const names = [
      'kedafn-code',
      'kedafn-cause',
      'kedafn-origin',
      'kedafn-failed-attempts',
      'kedafn-last-failure',
      'kedafn-redrives',
      'kedafn-redriven',
      'x-death',
      'traceparent',
    ]
    const one = letter(Object.fromEntries(names.map((name) => [name, odd])))
    assert.equal(typeof one.code, 'string')
    assert.ok(one.attempts >= 0 && one.redrives >= 0)
  }
})

test('the queue may be named as that of its dead letters', () => {
  assert.deepEqual(['logs', 'logs.dead', '.dead', 'a.dead.dead'].map(functionQueueOf), [
    'logs',
    'logs',
    '.dead',
    'a.dead',
  ])
})

test('causes are counted with their numbers left out, in bounded memory', () => {
  const groups = new Groups()
  for (let n = 0; n < 1000; n++) {
    groups.add(letter({ 'kedafn-code': 'A', 'kedafn-cause': n % 2 === 0 ? `host ${n}` : `${'x'.repeat(n)}` }))
  }
  const [group] = groups.all()
  assert.equal(group?.messages, 1000)
  assert.deepEqual(group?.causes[0], { cause: 'host #', messages: 500 })
  assert.equal(group?.causes.length, 101)
  assert.equal(
    group?.causes.reduce((sum, { messages }) => sum + messages, 0),
    1000,
  )
})

test('a pace lets so many through a second, and makes up for no pause', () => {
  const pace = new Pace(100)
  let [passed, at] = [0, 0]
  while (at < 1000) {
    const wait = pace.next(at)
    if (wait === 0) passed++
    at += wait
  }
  assert.ok(passed >= 99 && passed <= 101, `${passed}`)
  let burst = 0
  while (pace.next(60_000) === 0) burst++
  assert.equal(burst, 4)
  const slow = new Pace(0.5)
  assert.deepEqual([slow.next(0), slow.next(0)], [0, 2000])
  assert.equal(new Pace(null).next(0), 0)
})

test('a payload is JSON, text or hexadecimal, and a cut one says how much more there is', () => {
  assert.equal(shownPayload(Buffer.from('{"a":[1]}'), 'auto', 100), '{\n  "a": [\n    1\n  ]\n}\n')
  assert.equal(shownPayload(Buffer.from('{"a":[1]}'), 'text', 100), '{"a":[1]}\n')
  assert.equal(shownPayload(Buffer.from('plain\x1b'), 'auto', 100), 'plain\\x1b\n')
  assert.equal(shownPayload(Buffer.from(''), 'auto', 100), '(empty)\n')
  assert.match(shownPayload(Buffer.from([0, 255]), 'auto', 100), /^00000000 {2}00 ff +\.\.\n$/)
  assert.equal(shownPayload(Buffer.from('äöü'), 'auto', 3), 'ä\n(3 bytes more; --max-bytes 6 shows all)\n')
  assert.equal(shownPayload(Buffer.from('no'), 'json', 100), '(no JSON, or too much of it to be shown as such)\nno\n')
})

test('headers go into JSON with what it has no word for', () => {
  assert.deepEqual(asJson({ a: Buffer.from('x'), b: Number.NaN, c: [undefined, { d: undefined }], e: null }), {
    a: { '!': 'bytes', value: 'eA==' },
    b: { '!': 'double', value: 'NaN' },
    c: [undefined, {}],
    e: null,
  })
})
