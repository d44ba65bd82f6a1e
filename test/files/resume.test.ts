import assert from 'node:assert/strict'
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Checkpoint } from '../../runtime/core/checkpoint.ts'
import { openFiles, reading } from './reading.ts'
import { workspace } from './workspace.ts'

const options = { timeout: 20_000 }

/** A file of which an earlier run has read all lines, and its checkpoint. */
async function stopped(t: TestContext, content: string): Promise<{ path: string; checkpoint: Checkpoint }> {
  const path = join(workspace(t), 'input.txt')
  writeFileSync(path, content)
  const reader = await reading(t, path)
  await reader.until(content.split('\n').length - 1)
  const checkpoint = await reader.checkpoint()
  await reader.source.close()
  return { path, checkpoint }
}

test('a file that only grew goes on where it was left, under the same name', options, async (t) => {
  const { path, checkpoint } = await stopped(t, 'a\nb\n')
  appendFileSync(path, 'c\n')
  const reader = await reading(t, path, { checkpoint, once: true })
  assert.deepEqual(await reader.all(), ['c'])
  assert.deepEqual(reader.lines, [{ file: checkpoint.file, offset: 4, text: 'c', end: 6 }])
  assert.deepEqual(reader.log.lines, [])
})

test('without its checkpoint an untouched file gets the same names and offsets again', options, async (t) => {
  const { path, checkpoint } = await stopped(t, 'a\nb\n')
  const reader = await reading(t, path, { once: true })
  await reader.all()
  assert.deepEqual(
    reader.lines.map(({ file, offset }) => [file, offset]),
    [
      [checkpoint.file, 0],
      [checkpoint.file, 2],
    ],
  )
})

test('a file that was rotated while nobody read it is finished before the new one', options, async (t) => {
  const { path, checkpoint } = await stopped(t, 'a\n')
  appendFileSync(path, 'b\n')
  renameSync(path, `${path}.1`)
  writeFileSync(join(path, '..', 'other.txt'), 'a\nx\n')
  writeFileSync(path, 'c\n')
  for (const once of [true, false]) {
    const reader = await reading(t, path, { checkpoint, once })
    assert.deepEqual(await reader.until(2), ['b', 'c'])
    assert.partialDeepStrictEqual(reader.lines[0], { file: checkpoint.file, offset: 2 })
    assert.notEqual(reader.lines[1]?.file, checkpoint.file)
    assert.deepEqual(reader.log.of('warn'), [])
  }
})

test('a file that was renamed and has no successor yet is finished, and then waited for', options, async (t) => {
  const { path, checkpoint } = await stopped(t, 'a\n')
  appendFileSync(path, 'b\n')
  renameSync(path, `${path}.1`)
  const reader = await reading(t, path, { checkpoint })
  assert.deepEqual(await reader.until(1), ['b'])
  const next = reader.until(2)
  writeFileSync(path, 'c\n')
  assert.deepEqual(await next, ['b', 'c'])
})

test('a rotated file that is gone is warned about, with the offset', options, async (t) => {
  const { path, checkpoint } = await stopped(t, 'a\n')
  const placeholder = join(path, '..', 'fresh')
  writeFileSync(placeholder, 'c\n')
  renameSync(placeholder, path)
  const reader = await reading(t, path, { checkpoint, once: true })
  assert.deepEqual(await reader.all(), ['c'])
  assert.deepEqual(
    reader.log.of('warn').map(({ fields }) => fields),
    [{ path, offset: 2, inode: checkpoint.inode }],
  )
})

test('a file that is shorter than at the checkpoint is read from its begin, as another content', options, async (t) => {
  const { path, checkpoint } = await stopped(t, 'a\nb\n')
  truncateSync(path)
  appendFileSync(path, 'c\n')
  const reader = await reading(t, path, { checkpoint, once: true })
  assert.deepEqual(await reader.all(), ['c'])
  assert.deepEqual(reader.lines, [{ file: `${checkpoint.file}.1`, offset: 0, text: 'c', end: 2 }])
  assert.deepEqual(
    reader.log.of('warn').map(({ fields }) => fields),
    [{ path, size: 2, offset: 4 }],
  )
  const after = await reader.checkpoint()
  truncateSync(path)
  const third = await reading(t, path, { checkpoint: after, once: true })
  const chunk = await third.source.read(new AbortController().signal)
  assert.equal(chunk?.file, `${checkpoint.file}.2`)
})

test('a file that was rewritten, and is longer, is read from its begin', options, async (t) => {
  const begin = 'x'.repeat(2000)
  const { path, checkpoint } = await stopped(t, `${begin}\na\n`)
  for (const content of [`${begin}\nb\nc\n`, `y${begin}\na\n`, `y${begin.slice(1)}\na\n`]) {
    writeFileSync(path, content)
    const reader = await reading(t, path, { checkpoint, once: true })
    assert.deepEqual((await reader.all()).join('\n'), content.trimEnd())
    assert.equal(reader.lines[0]?.file, `${checkpoint.file}.1`)
  }
})

test('a file that was deleted and made again goes on if it begins with all that was sent', options, async (t) => {
  const { path, checkpoint } = await stopped(t, 'a\n')
  rmSync(path)
  writeFileSync(path, 'a\nb\n')
  const reader = await reading(t, path, { checkpoint, once: true })
  assert.deepEqual(await reader.all(), ['b'])
  assert.deepEqual(reader.lines, [{ file: checkpoint.file, offset: 2, text: 'b', end: 4 }])
  assert.deepEqual(reader.log.of('warn'), [])
})

test('another file under a reused inode has a name of its own, and all of it is read', options, async (t) => {
  const { path, checkpoint } = await stopped(t, 'a\n')
  // A file system gives the inode of a deleted file to the next one soon, but not always at once.
  for (let n = 0; n < 100; n++) {
    rmSync(path)
    writeFileSync(path, 'b\na\n')
    if (String(statSync(path).ino) === checkpoint.inode) break
  }
  const reader = await reading(t, path, { checkpoint, once: true })
  assert.deepEqual(await reader.all(), ['b', 'a'])
  assert.notEqual(reader.lines[0]?.file, checkpoint.file)
  assert.equal(reader.lines[0]?.file.includes('.'), false)
  assert.equal(reader.log.of('warn').length, 1)
})

test('a volume that was attached under another device number is known again', options, async (t) => {
  const { path, checkpoint } = await stopped(t, 'a\n')
  appendFileSync(path, 'b\n')
  const reader = await reading(t, path, { checkpoint: { ...checkpoint, device: '1' }, once: true })
  assert.deepEqual(await reader.all(), ['b'])
  assert.equal(reader.lines[0]?.file, checkpoint.file)
})

test('a copy of the rotated file is not taken for it', options, async (t) => {
  const { path, checkpoint } = await stopped(t, 'a\n')
  copyFileSync(path, `${path}.0`)
  mkdirSync(`${path}.00`)
  renameSync(path, `${path}.1`)
  appendFileSync(`${path}.1`, 'b\n')
  closeSync(openSync(path, 'w'))
  for (const device of [checkpoint.device, '1']) {
    const reader = await reading(t, path, { checkpoint: { ...checkpoint, device }, once: true })
    assert.deepEqual(await reader.all(), ['b'])
    assert.partialDeepStrictEqual(reader.lines[0], { file: checkpoint.file, offset: 2 })
  }
})

test('a rotated file that was rewritten is not taken for what it was', options, async (t) => {
  const { path, checkpoint } = await stopped(t, 'a\n')
  renameSync(path, `${path}.1`)
  writeFileSync(`${path}.1`, 'x\ny\n')
  writeFileSync(path, 'c\n')
  const before = openFiles()
  const reader = await reading(t, path, { checkpoint, once: true })
  assert.deepEqual(await reader.all(), ['c'])
  assert.equal(reader.log.of('warn').length, 1)
  await reader.source.close()
  assert.equal(openFiles(), before)
})
