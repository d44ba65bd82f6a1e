import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StreamMessage } from '../../../cli/broker/stream.ts'
import { commandToGoOn } from '../../../cli/history/going-on.ts'
import { matcherOf, partsOf } from '../../../cli/history/match.ts'
import { Pace } from '../../../cli/history/pace.ts'
import { parsePlace, shownPlace } from '../../../cli/history/place.ts'
import { isIn, rangeOf } from '../../../cli/history/range.ts'
import { Seen } from '../../../cli/history/seen.ts'
import { Selection } from '../../../cli/history/selection.ts'
import { jsonPart, shownPart } from '../../../cli/history/show.ts'
import { pack } from '../../../runtime/core/pack.ts'

const now = Date.parse('2026-11-28T12:00:00Z')
const minute = 60_000

const message = (offset: number, more: Partial<StreamMessage> = {}): StreamMessage => {
  return {
    offset,
    messageId: `f:${offset}`,
    body: Buffer.from(`line ${offset}`),
    timestamp: now,
    contentType: null,
    headers: { 'x-stream-offset': offset },
    ...more,
  }
}

test('a place is an offset, a time, or how long ago', () => {
  const cases: Record<string, ReturnType<typeof parsePlace>> = {
    '0': { offset: 0 },
    '12345678901': { offset: 12_345_678_901 },
    '90s': { time: now - 90_000 },
    '15m': { time: now - 15 * minute },
    '1.5h': { time: now - 90 * minute },
    '7d': { time: now - 7 * 24 * 60 * minute },
    '2026-11-28T10:00:00Z': { time: Date.parse('2026-11-28T10:00:00Z') },
    '2026-11-28T10:00:00.5+01:00': { time: Date.parse('2026-11-28T09:00:00.5Z') },
    '2026-11-28': { time: Date.parse('2026-11-28T00:00:00Z') },
  }
  for (const [text, place] of Object.entries(cases)) {
    assert.deepEqual(parsePlace('from', text, now), place, text)
    assert.deepEqual(parsePlace('from', shownPlace(place), now + 5), place, text)
  }
  for (const text of ['', '-1', '1.5', 'yesterday', '2h ago', '2026-13-01', '3 Nov', '1e5', '99999999999999999999']) {
    assert.throws(() => parsePlace('to', text, now), /^UsageError: --to is '.*'; expected an offset/, text)
  }
})

/** A stream whose offset n was written at second n of the hour, of which the first 10 are trimmed. */
const begin = now / 1000
const later = now + 3_600_000
const edges = {
  first: 10,
  end: 1000,
  at: async (seconds: number) => Math.min(Math.max(seconds - begin, 10), 1000),
}

test('offsets are looked at from the first to the one before the end, as far as the stream has them', async () => {
  const range = (from: number, to: number | null) =>
    rangeOf(edges, { offset: from }, to === null ? null : { offset: to }, later).then(({ start, end }) => [start, end])
  assert.deepEqual(await range(0, null), [10, 1000])
  assert.deepEqual(await range(100, 200), [100, 200])
  assert.deepEqual(await range(900, 5000), [900, 1000])
  assert.deepEqual(await range(300, 200), [300, 300], 'nothing')
  assert.deepEqual(await range(5000, null), [1000, 1000], 'nothing')
})

test('a time means messages that bear it, looked for among what was written five minutes before and after', async () => {
  const range = await rangeOf(edges, { time: now + 500_700 }, { time: now + 600_000 }, later)
  assert.deepEqual([range.start, range.end], [200, 900])
  const at = (seconds: number, offset: number) => isIn(range, { offset, timestamp: now + seconds * 1000 })
  assert.deepEqual([at(499, 550), at(500, 550), at(599, 550), at(600, 550)], [false, true, true, false])
  assert.ok(at(550, 899), 'written late')
  assert.ok(at(550, 201), 'by a clock that is ahead')
  assert.equal((await rangeOf(edges, { time: now }, { time: now + 1000 }, now + 5000)).end, 1000, 'all that is there')
  const untimed = (offset: number) => isIn(range, { offset, timestamp: null })
  assert.deepEqual([untimed(499), untimed(500), untimed(599), untimed(600)], [false, true, true, false])
})

test('a copy is known by id and content among the last so many', () => {
  const seen = new Seen(3)
  assert.equal(seen.has(message(1)), false)
  assert.equal(seen.has(message(2, { messageId: 'f:1', body: message(1).body })), true)
  assert.equal(seen.has(message(3, { messageId: 'f:1' })), false, 'another body')
  assert.equal(seen.has(message(4, { messageId: '' })), false)
  assert.equal(seen.has(message(4, { messageId: '' })), false, 'what has no id is no copy')
  for (let n = 10; n < 13; n++) seen.has(message(n))
  assert.equal(seen.has(message(1)), true, 'three back')
  for (let n = 20; n < 26; n++) seen.has(message(n))
  assert.equal(seen.has(message(1)), false, 'long ago')
})

const packed = (offset: number, lines: readonly string[]) =>
  message(offset, {
    messageId: 'f:100',
    body: pack(lines.map((line, index) => ({ body: Buffer.from(line), offset: 100 + index * 10 }))),
    headers: { 'kedafn-lines': lines.length, tenant: 'a' },
  })

const everything = { start: 0, end: 100, fromTime: null, toTime: null, untimedStart: 0, untimedEnd: 100 }

test('of a packed message all lines go in it, or those that match by themselves', () => {
  const lines = ['one', 'two', 'three']
  const whole = new Selection(everything, { matches: null, again: false })
  const original = packed(1, lines)
  assert.deepEqual(whole.of(original), [original])
  const all = new Selection(everything, { matches: matcherOf('e|w'), again: false })
  assert.deepEqual(all.of(original), [original])
  const some = new Selection(everything, { matches: matcherOf('^t'), again: false })
  assert.deepEqual(
    some.of(original).map(({ messageId, body, headers }) => [messageId, Buffer.from(body).toString(), headers]),
    [
      ['f:110', 'two', { tenant: 'a' }],
      ['f:120', 'three', { tenant: 'a' }],
    ],
  )
  assert.deepEqual([some.tally.messages, some.tally.lines, some.tally.unmatched], [2, 2, 0])
  assert.deepEqual([whole.tally.messages, whole.tally.lines], [1, 3])
})

test('what says it is a pack and is none goes as it is', () => {
  const broken = message(1, { headers: { 'kedafn-lines': 5 } })
  assert.deepEqual(
    partsOf(broken).map(({ body, line }) => [body.toString(), line]),
    [['line 1', null]],
  )
})

test('copies, replays, other times and what does not match are left out, and counted', () => {
  const range = { ...everything, fromTime: now - 1000, toTime: now + 1000 }
  const selection = new Selection(range, { matches: matcherOf('line'), again: false })
  const replayed = { headers: { 'kedafn-replay': 'logs.history@1 2026-01-01T00:00:00.000Z' } }
  const messages = [
    message(1),
    message(2, { messageId: 'f:1', body: message(1).body }),
    message(3, replayed),
    message(4, { timestamp: now + 1000 }),
    message(5, { body: Buffer.from('other') }),
    message(6),
  ]
  assert.deepEqual(
    messages.map((one) => selection.of(one).length),
    [1, 0, 0, 0, 0, 1],
  )
  assert.deepEqual(selection.tally, { messages: 2, lines: 2, outside: 1, copies: 1, replays: 1, unmatched: 1 })
  assert.equal(new Selection(range, { matches: null, again: true }).of(message(3, replayed)).length, 1)
})

test('a pattern sees any bytes, and one that is none is refused', () => {
  assert.equal(matcherOf('\\udcff')?.(Uint8Array.of(0x61, 0xff)), true)
  assert.equal(matcherOf(undefined), null)
  assert.throws(() => matcherOf('('), /^UsageError: --match is '\('; expected a regular expression/)
})

test('the command that goes on says all that the first one said, and is one command to a shell', () => {
  const told = {
    queue: 'logs',
    exchange: 'logs',
    into: "it's",
    from: '2026-11-28T10:00:00.000Z',
    to: null,
    match: '$(reboot) "a"',
    again: true,
    typed: { from: '2h', to: null },
  }
  assert.equal(
    commandToGoOn(told, { state: null, rate: 5, after: 7, end: 99 }),
    `kedafn replay logs --from 2026-11-28T10:00:00.000Z --to 99 --after 7 --match '$(reboot) "a"' --into 'it'\\''s' --again --rate 5`,
  )
  assert.equal(
    commandToGoOn(told, { state: 'a b', rate: 5, after: 7, end: 99 }),
    "kedafn replay logs --state 'a b' --rate 5",
  )
})

test('so many a second pass, and no more', async () => {
  const pace = new Pace(500)
  const begun = performance.now()
  for (let n = 0; n < 150; n++) await pace.turn(new AbortController().signal)
  const tookMs = performance.now() - begun
  // 100 ms of them may be made up for at once.
  assert.ok(tookMs >= 190, `${tookMs} ms`)
  const slow = new Pace(1)
  await slow.turn(AbortSignal.abort())
  await Promise.all(Array.from({ length: 200 }, () => slow.turn(AbortSignal.abort())))
})

test('what is shown never reaches the terminal as it is, and is cut between characters', () => {
  const hostile = Buffer.concat([Buffer.from('\x1b]0;title\x07\x9b31m\u202e\r\n'), Uint8Array.of(0xff, 0x9b)])
  const headers = { 'x\x1b[2J': 'y\x1b[2J', deep: { '!': 'timestamp', value: 5 }, bytes: Buffer.from([1]), big: 5n }
  const [part] = partsOf(message(1, { body: hostile, messageId: '\x1b[1m', headers }))
  assert.ok(part)
  const shown = shownPart(part, { label: '1', headers: true, full: false })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that none is there is what is tested
  assert.doesNotMatch(shown.replaceAll('\n', ''), /[\u0000-\u001f\u007f-\u009f\u202e]/)
  assert.match(shown, /\\xff\\x9b\n/)
  assert.match(shown, /^ {4}deep: 5$/m)
  assert.deepEqual(jsonPart(part, { offset: 1 }).base64, hostile.toString('base64'))
  const [long] = partsOf(message(1, { body: Buffer.from(`${'a'.repeat(1999)}ä${'b'.repeat(3_000_000)}`) }))
  assert.ok(long)
  const cut = shownPart(long, { label: '1', headers: false, full: false })
  assert.match(cut, /a… \(3,002,001 bytes\)\n$/)
  assert.equal(
    shownPart(long, { label: '1', headers: false, full: true }).length,
    3_002_000 + '1  2026-11-28T12:00:00Z  \n'.length,
  )
})

test('headers as deep as a frame can hold are shown as far as somebody reads them', () => {
  let deep: unknown = 'end'
  for (let n = 0; n < 20_000; n++) deep = { a: deep }
  const [part] = partsOf(message(1, { headers: { deep } }))
  assert.ok(part)
  assert.match(shownPart(part, { label: '1', headers: true, full: false }), /…/)
  assert.match(JSON.stringify(jsonPart(part, { number: 1 })), /…/)
})
