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
