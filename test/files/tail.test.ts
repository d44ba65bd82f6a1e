import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { TestClock } from '../../runtime/doubles/clock.ts'
import { openFiles, reading, stalled, ticking } from './reading.ts'
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
  let waits = 0
  const counting = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    after(ms: number, fn: () => void) {
      waits++
      return clock.after(ms, fn)
    },
  }
  const reader = await reading(t, path, { clock: counting })
  const read = reader.until(1)
  await t.waitFor(() => assert.equal(waits, 1), { interval: 1, timeout: 5000 })
  for (let i = 0; i < 100; i++) appendFileSync(join(directory, 'output.txt'), 'x\n')
  appendFileSync(path, 'a\n')
  assert.deepEqual(await read, ['a'])
  assert.equal(waits, 1)
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

test('a file that was renamed is read to its end, late lines too, before the new file', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  writeFileSync(path, 'a\n')
  const writer = openSync(path, 'a')
  const clock = new TestClock()
  const reader = await reading(t, path, { clock, rotateGraceMs: 1000 })
  await reader.until(1)
  renameSync(path, `${path}.1`)
  writeFileSync(path, 'd\n')
  const late = await stalled(t, reader)
  await clock.tick(900)
  writeSync(writer, 'b\nc')
  await clock.tick(90)
  await clock.tick(10)
  assert.deepEqual(await late.line, ['a', 'b'])
  const fresh = await stalled(t, reader)
  await clock.tick(999)
  assert.deepEqual(reader.texts, ['a', 'b'])
  await clock.tick(1)
  await fresh.line
  assert.deepEqual(await reader.until(4), ['a', 'b', 'c', 'd'])
  assert.notEqual(reader.lines[3]?.file, reader.lines[2]?.file)
  assert.equal(reader.lines[3]?.offset, 0)
})

test('files that come quickly one after the other are all read, in order', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  writeFileSync(path, 'file 0\n')
  const clock = new TestClock()
  const reader = await reading(t, path, { clock })
  await reader.until(1)
  const all = reader.until(6)
  for (let n = 1; n <= 5; n++) {
    renameSync(path, `${path}.${n}`)
    writeFileSync(path, `file ${n}\n`)
    await t.waitFor(() => assert.equal(reader.log.lines.length, n), { interval: 1, timeout: 5000 })
  }
  await ticking(t, clock, all)
  assert.deepEqual(await all, ['file 0', 'file 1', 'file 2', 'file 3', 'file 4', 'file 5'])
})

test('files that come and go while nobody reads are read later, the deleted ones too', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  writeFileSync(path, 'file 0\n')
  const reader = await reading(t, path)
  for (let n = 1; n <= 5; n++) {
    rmSync(path)
    writeFileSync(path, `file ${n}\n`)
    await t.waitFor(() => assert.equal(reader.log.lines.length, n), { interval: 1, timeout: 5000 })
  }
  assert.deepEqual(await reader.until(6), ['file 0', 'file 1', 'file 2', 'file 3', 'file 4', 'file 5'])
})

test('a file that is deleted is still read, and the next one under its name after it', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  writeFileSync(path, 'a\n')
  const writer = openSync(path, 'a')
  const reader = await reading(t, path)
  await reader.until(1)
  rmSync(path)
  writeSync(writer, 'b\n')
  assert.deepEqual(await reader.until(2), ['a', 'b'])
  writeFileSync(path, 'c\n')
  assert.deepEqual(await reader.until(3), ['a', 'b', 'c'])
})

test('a file behind a symbolic link is followed when it grows and when the link is swapped', options, async (t) => {
  const directory = workspace(t)
  const path = join(directory, 'input.txt')
  for (const version of ['v1', 'v2']) {
    mkdirSync(join(directory, version))
    writeFileSync(join(directory, version, 'input.txt'), `${version}\n`)
  }
  symlinkSync('v1', join(directory, '..data'))
  symlinkSync('..data/input.txt', path)
  const clock = new TestClock()
  const reader = await reading(t, path, { clock })
  await reader.until(1)
  const grown = await stalled(t, reader)
  appendFileSync(join(directory, 'v1', 'input.txt'), 'more\n')
  assert.deepEqual(await grown.line, ['v1', 'more'])
  symlinkSync('v2', join(directory, '..fresh'))
  renameSync(join(directory, '..fresh'), join(directory, '..data'))
  const swapped = reader.until(3)
  await ticking(t, clock, swapped)
  assert.deepEqual(await swapped, ['v1', 'more', 'v2'])
})

test('a truncation is told with its numbers, and an unfinished line before it is not lost', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  writeFileSync(path, 'long line\nunfinished')
  const reader = await reading(t, path)
  await reader.until(1)
  const read = reader.until(2)
  truncateSync(path)
  assert.deepEqual(await read, ['long line', 'unfinished'])
  writeFileSync(path, 'x\n')
  await reader.until(3)
  const [first, , third] = reader.lines
  assert.equal(third?.file, `${first?.file}.1`)
  assert.deepEqual(
    reader.log.of('warn').map(({ fields }) => fields),
    [{ path, size: 0, offset: 20, file: third?.file }],
  )
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

test('offsets beyond 4 GiB are exact', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  const offset = 5 * 1024 ** 3 + 1
  writeFileSync(path, '')
  truncateSync(path, offset - 1)
  appendFileSync(path, '\na\nb\n')
  const first = await reading(t, path)
  const checkpoint = { ...(await first.source.checkpoint(await nameOf(first), offset)) }
  const reader = await reading(t, path, { checkpoint })
  assert.deepEqual(await reader.until(2), ['a', 'b'])
  assert.deepEqual(
    reader.lines.map(({ offset, end }) => [offset, end]),
    [
      [offset, offset + 2],
      [offset + 2, offset + 4],
    ],
  )
})

async function nameOf({ source }: Awaited<ReturnType<typeof reading>>): Promise<string> {
  const chunk = await source.read(new AbortController().signal)
  assert.ok(chunk)
  return chunk.file
}

test('nothing stays open: rotated files until a later checkpoint, the rest until the close', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  writeFileSync(path, 'a\n')
  const before = openFiles()
  const reader = await reading(t, path)
  const opened = openFiles()
  for (let n = 1; n <= 10; n++) {
    renameSync(path, `${path}.${n}`)
    writeFileSync(path, 'a\n')
    await reader.until(n + 1)
  }
  assert.ok(openFiles() >= opened + 10)
  await reader.checkpoint()
  assert.equal(openFiles(), opened)
  await reader.source.close()
  assert.ok(openFiles() <= before + 1)
})

test('a checkpoint of a file that nobody reads is refused', options, async (t) => {
  const path = join(workspace(t), 'input.txt')
  writeFileSync(path, 'a\n')
  const { source } = await reading(t, path)
  await assert.rejects(source.checkpoint('nothing', 0), RangeError)
})
