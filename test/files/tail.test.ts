import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, truncateSync, watch, writeFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { TestClock } from '../../runtime/doubles/clock.ts'
import { reading, stalled } from './reading.ts'
import { workspace } from './workspace.ts'

const options = { timeout: 20_000 }

test('a line is held until its newline comes', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  writeFileSync(path, 'a\nb')
  const reader = await reading(t, path)
  assert.deepEqual(await reader.until(1), ['a'])
  appendFileSync(path, 'c\n')
  assert.deepEqual(await reader.until(2), ['a', 'bc'])
  assert.deepEqual(reader.lines[1], { file: reader.lines[0]?.file, offset: 2, text: 'bc', end: 5 })
})

test('any bytes come out as they are: CR, NUL, invalid UTF-8, empty lines, a line of 1 MiB', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  const lines = [
    'crlf\r',
    '',
    '\r',
    'nul\0\0',
    '\xff\xfe\xc3',
    '\xef\xbb\xbfbom',
    '',
    `${'0123456789abcde\r'.repeat(65_536)}`,
    'z',
  ]
  const content = Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1')
  writeFileSync(path, '')
  const reader = await reading(t, path, { maxReadBytes: 4099 })
  const read = reader.until(lines.length)
  for (let at = 0; at < content.length; at += 70_001) appendFileSync(path, content.subarray(at, at + 70_001))
  assert.deepEqual(await read, lines)
})

test('a change wakes the reader without waiting for the poll', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  const reader = await reading(t, path, { clock: new TestClock() })
  const created = await stalled(t, reader)
  writeFileSync(path, 'a\n')
  assert.deepEqual(await created.line, ['a'])
  const grown = await stalled(t, reader)
  appendFileSync(path, 'b\n')
  assert.deepEqual(await grown.line, ['a', 'b'])
})

test('changes of other files in the directory do not wake the reader', options, async (t) => {
  const directory = workspace(t)
  const path = join(directory, 'input.txt')
  writeFileSync(path, '')
  const clock = new TestClock()
  let looks = 0
  const counting = {
    now: () => clock.now(),
    monotonic() {
      looks++
      return clock.monotonic()
    },
    after: (ms: number, fn: () => void) => clock.after(ms, fn),
  }
  const reader = await reading(t, path, { clock: counting })
  const read = reader.until(1)
  await t.waitFor(() => assert.equal(clock.waiting, 1), { interval: 1, timeout: 5000 })
  const before = looks
  // What this watcher sees, the reader's has seen.
  const watcher = watch(directory)
  t.after(() => watcher.close())
  for (let i = 0; i < 20; i++) {
    const seen = once(watcher, 'change')
    appendFileSync(join(directory, 'output.txt'), 'x\n')
    await seen
    await stat(path)
  }
  assert.equal(looks, before)
  appendFileSync(path, 'a\n')
  assert.deepEqual(await read, ['a'])
})

test('a file that is missing is waited for, and said to be missing once', options, async (t) => {
  const path = join(workspace(t), 'later', 'input.txt')
  const reader = await reading(t, path, { pollMs: 5 })
  const read = reader.until(1)
  mkdirSync(join(path, '..'))
  writeFileSync(path, 'a\n')
  assert.deepEqual(await read, ['a'])
  const said = reader.log.lines.filter(({ message }) => message === 'the file does not exist yet: waiting for it')
  assert.deepEqual(said, [{ level: 'info', message: said[0]?.message, fields: { path } }])
})

test('a chunk of a few bytes does not keep a large buffer in memory', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  writeFileSync(path, 'x'.repeat(1100))
  const { source } = await reading(t, path, { once: true, maxReadBytes: 1000 })
  const signal = new AbortController().signal
  const [full, few] = [await source.read(signal), await source.read(signal)]
  assert.deepEqual([full?.bytes.length, full?.bytes.buffer.byteLength], [1000, 1000])
  assert.deepEqual([few?.bytes.length, few?.bytes.buffer.byteLength], [100, 100])
})

test('a file of 10 GiB is read from an offset, exactly, without reading what is before', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  const offset = 10 * 1024 ** 3 + 1
  writeFileSync(path, '')
  const first = await reading(t, path)
  truncateSync(path, offset - 1)
  appendFileSync(path, '\n')
  const lines = Buffer.from(`${'a'.repeat(9999)}\n`.repeat(100))
  for (let n = 0; n < 200; n++) appendFileSync(path, lines)
  appendFileSync(path, 'b\n')
  const { file } = (await first.source.read(new AbortController().signal)) ?? {}
  assert.ok(file)
  const { device, inode } = await first.source.checkpoint(file, 1)
  const edge = Buffer.alloc(1024)
  const edges = createHash('sha256').update(edge).update(edge.fill('\n', 1023)).digest('hex').slice(0, 16)
  const checkpoint = { file, device, inode, offset, fingerprint: `${edges}-00000000` }
  const reader = await reading(t, path, { checkpoint })
  const [before, began] = [process.memoryUsage().rss, performance.now()]
  await reader.until(1)
  assert.ok(performance.now() - began < 1000)
  while (reader.texts.at(-1) !== 'b') {
    reader.lines.splice(0)
    assert.ok(await reader.step())
  }
  assert.deepEqual(reader.lines.at(-1), { file, offset: offset + 200_000_000, text: 'b', end: offset + 200_000_002 })
  const later = await reader.checkpoint()
  await reader.source.close()
  appendFileSync(path, 'c\n')
  const last = await reading(t, path, { checkpoint: later })
  assert.deepEqual(await last.until(1), ['c'])
  assert.equal(last.lines[0]?.offset, offset + 200_000_002)
  const grown = process.memoryUsage().rss - before
  t.diagnostic(`resident memory grew by ${Math.round(grown / 1024 ** 2)} MiB`)
  assert.ok(grown < 64 * 1024 ** 2)
})

test('a signal and a close each end a wait at once', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  const clock = new TestClock()
  const reader = await reading(t, path, { clock })
  const stop = new AbortController()
  const stopped = reader.step(stop.signal)
  await t.waitFor(() => assert.equal(clock.waiting, 1), { interval: 1, timeout: 5000 })
  stop.abort()
  assert.equal(await stopped, false)
  const closed = reader.step()
  await t.waitFor(() => assert.equal(clock.waiting, 1), { interval: 1, timeout: 5000 })
  await reader.source.close()
  assert.equal(await closed, false)
  assert.equal(clock.waiting, 0)
})

test('a closed source does not keep the process alive, a waiting one does', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  writeFileSync(path, '')
  const script = `
    import { openTail } from '${join(import.meta.dirname, '../../runtime/files/tail.ts')}'
    import { systemClock } from '${join(import.meta.dirname, '../../runtime/system/clock.ts')}'
    const log = { info() {}, warn() {} }
    const source = await openTail({ path: ${JSON.stringify(path)}, once: false, checkpoint: null, clock: systemClock, log })
    const read = source.read(new AbortController().signal)
    console.log('waiting')
    const chunk = await read
    await source.close()
    console.log(chunk.bytes.length)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(child, 'exit')
  const output = text(child.stdout)
  await once(child.stdout, 'data')
  appendFileSync(path, 'a\n')
  assert.deepEqual(await exit, [0, null])
  assert.equal(await output, 'waiting\n2\n')
})

test('a checkpoint of a file that nobody reads is refused', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  writeFileSync(path, 'a\n')
  const { source } = await reading(t, path)
  await assert.rejects(source.checkpoint('nothing', 0), RangeError)
})
