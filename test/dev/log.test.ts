import assert from 'node:assert/strict'
import { appendFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { Repeats, readLogLine } from '../../dev/log-line.ts'
import { LogTail } from '../../dev/log-tail.ts'
import { temporaryFolder } from './folder.ts'

const entry = (fields: object) => JSON.stringify({ time: 't', level: 'warn', message: 'm', function: 'f', ...fields })

test('a warning and an error are shown with their fields on one line', () => {
  const line = entry({ level: 'error', cause: 'no luck', attempt: 2, error: { message: 'why', stack: 'long' } })
  assert.deepEqual(readLogLine(line), {
    kind: 'alert',
    level: 'error',
    message: 'm',
    text: 'm (cause: no luck, attempt: 2, error: why)',
  })
  assert.deepEqual(readLogLine(entry({})), { kind: 'alert', level: 'warn', message: 'm', text: 'm' })
})

test('debug and info lines are quiet', () => {
  assert.deepEqual(readLogLine(entry({ level: 'info' })), { kind: 'quiet' })
  assert.deepEqual(readLogLine(entry({ level: 'debug' })), { kind: 'quiet' })
})

test('what is no log line of the runtime is something else', () => {
  for (const line of ['Error: x', '{"a":1}', '{"level":', '7', '']) {
    assert.deepEqual(readLogLine(line), { kind: 'other', text: line })
  }
})

test('control characters of quoted data never reach the terminal', () => {
  const alert = readLogLine(entry({ cause: '\u001b[2J\r\n\u0007' }))
  assert.equal(alert.kind === 'alert' && alert.text, 'm (cause: \u{fffd}[2J\u{fffd}\u{fffd}\u{fffd})')
  assert.deepEqual(readLogLine('\u001b[31mred'), { kind: 'other', text: '\u{fffd}[31mred' })
})

test('of repeated alerts the first is shown at once, then one every five seconds with how many it stands for', () => {
  const repeats = new Repeats()
  assert.equal(repeats.pass('a', 0), 0)
  assert.equal(repeats.pass('a', 1), null)
  assert.equal(repeats.pass('b', 2), 0)
  assert.equal(repeats.pass('a', 4999), null)
  assert.equal(repeats.pass('a', 5000), 2)
  assert.equal(repeats.pass('a', 20_000), 0)
})

test('a tail begins at the end of the file, joins split lines and gives other lines once', (t) => {
  const path = join(temporaryFolder(t), 'f.log')
  writeFileSync(path, `${entry({ message: 'old' })}\n`)
  const tail = new LogTail('f', path)
  assert.deepEqual(tail.read(0), [])
  const line = entry({ message: 'ümläut' })
  const bytes = Buffer.from(`${line}\nError: x\n    at y\n`)
  const cut = bytes.indexOf('ü') + 1
  appendFileSync(path, bytes.subarray(0, cut))
  assert.deepEqual(tail.read(1), [])
  appendFileSync(path, bytes.subarray(cut))
  assert.deepEqual(tail.read(2), [{ function: 'f', level: 'warn', text: 'ümläut' }])
  assert.deepEqual(tail.takeOthers(), ['Error: x', '    at y'])
  assert.deepEqual(tail.takeOthers(), [])
})

test('a tail waits for a file that is not there and survives its truncation', (t) => {
  const path = join(temporaryFolder(t), 'f.log')
  const tail = new LogTail('f', path)
  assert.deepEqual(tail.read(0), [])
  appendFileSync(path, `${entry({ message: 'one' })}\n`)
  assert.equal(tail.read(0).length, 1)
  truncateSync(path)
  assert.equal(tail.read(0).length, 0)
  appendFileSync(path, `${entry({ message: 'two' })}\n`)
  assert.equal(tail.read(0)[0]?.text, 'two')
})
