import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { writeJson, writeJsonLine } from '../../cli/output/json.ts'
import { Progress, shownSeconds } from '../../cli/output/progress.ts'
import { fitted, isUtf8, safeBytes, safeLines, safeText, widthOf } from '../../cli/output/safe.ts'
import { grouped, table } from '../../cli/output/table.ts'
import { assertGolden } from './support/golden.ts'
import { TestIo } from './support/io.ts'

/** A text with what it has to look like. */
const texts: [text: string, shown: string][] = [
  ['plain, ünïcode, 日本, 👍', 'plain, ünïcode, 日本, 👍'],
  ['\u001b[2J\u001b]0;title\u0007', '\\x1b[2J\\x1b]0;title\\x07'],
  ['\u009b31mred\u009d', '\\x9b31mred\\x9d'],
  ['a\nb\r\tc\0\u007f', 'a\\nb\\r\\tc\\0\\x7f'],
  ['user\u202egnp.exe\u2066\u200f', 'user\\u{202e}gnp.exe\\u{2066}\\u{200f}'],
  ['zero\u200bwidth\ufeff\u00ad', 'zero\\u{200b}width\\u{feff}\\xad'],
  ['\u2028\u2029', '\\u{2028}\\u{2029}'],
  ['\ud800 alone', '\\u{d800} alone'],
  ['\u{e0041}tag', '\\u{e0041}tag'],
]

for (const [text, shown] of texts) {
  test(`what is to be shown as ${shown} is`, () => assert.equal(safeText(text), shown))
}

test('no bytes bring anything to the terminal that is not seen', () => {
  const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const shown = safeBytes(bytes)
      if (isUtf8(bytes)) assert.equal(shown, safeText(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)))
      assert.doesNotMatch(shown, unseen)
      assert.equal(stripVTControlCharacters(shown), shown)
    }),
    { numRuns: 500 },
  )
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => assert.doesNotMatch(safeText(text), unseen)))
})

test('bytes that are not UTF-8 are shown as such, the rest as it is', () => {
  assert.equal(safeBytes(Buffer.from('a\xffb\xc3\xa9\xc3', 'latin1')), 'a\\xffbé\\xc3')
  for (const sample of ['\u0080\u07ff\u0800\ud7ff\ue000\uffff\u{10000}\u{10ffff}', 'abc']) {
    assert.equal(safeBytes(Buffer.from(sample)), safeText(sample))
  }
  // Overlong, surrogate, beyond Unicode: no UTF-8.
  assert.equal(
    safeBytes(Buffer.from('c0af eda080 f4908080'.replaceAll(' ', ''), 'hex')),
    '\\xc0\\xaf\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80',
  )
  assert.ok(isUtf8(Buffer.from('é')) && !isUtf8(Buffer.from([0xff])))
})

test('text of several lines keeps its lines', () => assert.equal(safeLines('a\n\tb\u001b\r\n'), 'a\n\tb\\x1b\\r\n'))

test('ten megabytes of what has to be escaped take a second or so of the processor', () => {
  const begun = process.cpuUsage()
  assert.equal(safeBytes(Buffer.alloc(5_000_000, '\u001b')).length, 20_000_000)
  assert.equal(safeBytes(Buffer.alloc(5_000_000, 0xff)).length, 20_000_000)
  assert.ok(process.cpuUsage(begun).user < 10_000_000)
})

test('a width is that of the terminal, and a text that is too wide is cut', () => {
  assert.deepEqual(['abc', 'é', 'e\u0301', '日本', '👍🏽', ''].map(widthOf), [3, 1, 1, 4, 2, 0])
  assert.deepEqual(
    ['abcdef', '日本語', 'abc'].map((text) => fitted(text, 4)),
    ['abc…', '日…', 'abc'],
  )
})

const columns = [{ title: 'QUEUE', flexible: true }, { title: 'MESSAGES', align: 'right' }, { title: 'CAUSE' }] as const
const rows = [
  ['logs', grouped(1_234_567), 'no answer'],
  ['日本語-queue-with-a-long-name', grouped(3), 'bad \u001b[31m colours'],
]

test('a table is aligned, has no borders, and gives way where the terminal is narrow', () => {
  assertGolden('output/table.txt', table(columns, rows, null))
  const narrow = table(columns, rows, 50)
  assertGolden('output/table-50.txt', narrow)
  for (const line of narrow.trimEnd().split('\n')) assert.ok(widthOf(line) <= 50, line)
})

test('JSON is one document or one line an event, and brings no control character either', async () => {
  const io = new TestIo()
  await writeJson(io.stdout, { a: [1] })
  await writeJsonLine(io.stdout, { text: '\u001b\u009b\u202e\u2028\u007f\u200d' })
  assert.equal(io.written.stdout, '{\n  "a": [\n    1\n  ]\n}\n{"text":"\\u001b\\u009b\\u202e\\u2028\\u007f\\u200d"}\n')
})

test('a bar on a terminal shows count, rate and time left, is drawn ten times a second and goes away', () => {
  const io = new TestIo({ isTerminal: true, width: 100 })
  const progress = new Progress(io, { verb: 'moved', noun: 'messages', total: 1000, silent: false })
  for (let done = 1; done <= 500; done++) {
    io.nowMs += 10
    progress.update(done)
  }
  const drawn = io.written.stderr.split('\r').slice(1)
  assert.ok(drawn.length <= 51, String(drawn.length))
  assert.equal(drawn.at(-1), '\x1b[2K████████████░░░░░░░░░░░░ 49 %  moved 491 of 1,000 messages, 100/s, 5 s left')
  progress.end()
  assert.ok(io.written.stderr.endsWith('\r\x1b[2K'))
})

test('without a terminal a line comes every five seconds, and with --json nothing', () => {
  const io = new TestIo()
  const [shown, silent] = [false, true].map(
    (quiet) => new Progress(io, { verb: 'moved', noun: 'messages', total: null, silent: quiet }),
  )
  for (let second = 1; second <= 12; second++) {
    io.nowMs += 1000
    shown?.update(second * 20)
    silent?.update(second * 20)
  }
  shown?.end()
  assert.equal(io.written.stderr, 'moved 100 messages, 20/s\nmoved 200 messages, 20/s\n')
})

test('a time is shown in the two units that matter', () => {
  assert.deepEqual([0, 59.4, 200, 7500].map(shownSeconds), ['0 s', '59 s', '3 min 20 s', '2 h 5 min'])
})
