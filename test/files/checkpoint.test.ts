import assert from 'node:assert/strict'
import {
  chmodSync,
  fstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { encodeCheckpoint } from '../../runtime/core/checkpoint.ts'
import { calls } from '../../runtime/files/calls.ts'
import { fileCheckpointStore } from '../../runtime/files/checkpoint.ts'
import { checkpointAt } from '../contract/checkpoint-store.contract.ts'
import { openFiles } from './reading.ts'
import { workspace } from './workspace.ts'

const options = { timeout: 20_000 }

test(
  'a save makes the directory, syncs the file and then the directory, and leaves nothing beside it',
  options,
  async (t) => {
    const path = join(workspace(t), 'a', 'b', 'producer.checkpoint')
    await fileCheckpointStore(path).save(checkpointAt(1))
    await using handle = await open(path)
    const handles = Object.getPrototypeOf(handle)
    const synced: string[] = []
    const { sync } = handles
    t.mock.method(handles, 'sync', async function (this: FileHandle) {
      synced.push(`the file, while the store holds ${readFileSync(path, 'utf8')}`)
      await sync.call(this)
    })
    const { fsync } = calls
    t.mock.method(calls, 'fsync', async (file: number) => {
      synced.push(`${fstatSync(file).isDirectory() ? 'the directory' : 'a file'}, with ${readFileSync(path, 'utf8')}`)
      await fsync(file)
    })
    await fileCheckpointStore(path).save(checkpointAt(2))
    assert.deepEqual(synced, [
      `the file, while the store holds ${encodeCheckpoint(checkpointAt(1))}`,
      `the directory, with ${encodeCheckpoint(checkpointAt(2))}`,
    ])
    assert.equal(readFileSync(path, 'utf8'), encodeCheckpoint(checkpointAt(2)))
    assert.deepEqual(readdirSync(dirname(path)), ['producer.checkpoint'])
  },
)

test('what another process renamed in the middle of a save has taken this one over', options, async (t) => {
  const path = join(workspace(t), 'producer.checkpoint')
  const store = fileCheckpointStore(path)
  await store.save(checkpointAt(1))
  await using handle = await open(path)
  const handles = Object.getPrototypeOf(handle)
  const { sync } = handles
  const mocked = t.mock.method(handles, 'sync', async function (this: FileHandle) {
    await sync.call(this)
    renameSync(`${path}.tmp`, path)
  })
  await assert.rejects(store.save(checkpointAt(2)), { code: 'FN_TAKEN_OVER' })
  mocked.mock.restore()
  await store.save(checkpointAt(3))
  assert.deepEqual(await store.load(), checkpointAt(3))
})

test('every damaged byte is noticed', options, async (t) => {
  const path = join(workspace(t), 'producer.checkpoint')
  const store = fileCheckpointStore(path)
  await store.save(checkpointAt(7))
  const good = readFileSync(path)
  for (let at = 0; at < good.length; at++) {
    for (const mask of [0x01, 0x20, 0x80, 0xff]) {
      const bad = Buffer.from(good)
      bad[at] = (bad[at] as number) ^ mask
      writeFileSync(path, bad)
      await assert.rejects(store.load(), { code: 'FN_CHECKPOINT_UNUSABLE' }, `byte ${at}, mask ${mask}`)
    }
  }
  writeFileSync(path, '')
  const message = `the checkpoint cannot be read or written: ${path} is damaged. Put back a good copy, or delete it to send the whole input again`
  await assert.rejects(store.load(), { message })
})

test('what a crash left behind is harmless', options, async (t) => {
  const path = join(workspace(t), 'producer.checkpoint')
  const store = fileCheckpointStore(path)
  await store.save(checkpointAt(1))
  writeFileSync(`${path}.tmp`, `${'torn'.repeat(1000)}`)
  assert.deepEqual(await store.load(), checkpointAt(1))
  await store.save(checkpointAt(2))
  assert.deepEqual(await store.load(), checkpointAt(2))
})

test('saves do not overlap, and one that fails does not stop the next', options, async (t) => {
  const path = join(workspace(t), 'producer.checkpoint')
  const before = openFiles()
  const store = fileCheckpointStore(path)
  mkdirSync(`${path}.tmp`)
  await assert.rejects(store.save(checkpointAt(1)), { code: 'FN_CHECKPOINT_UNUSABLE', message: /EISDIR/ })
  rmdirSync(`${path}.tmp`)
  const offsets = Array.from({ length: 30 }, (_, offset) => offset)
  await Promise.all(offsets.map((offset) => store.save(checkpointAt(offset))))
  assert.deepEqual(await store.load(), checkpointAt(29))
  assert.equal(openFiles(), before)
})

test('a place that cannot be used is named, with what to do', options, async (t) => {
  const directory = workspace(t)
  const unusable = 'the checkpoint cannot be read or written: '
  await assert.rejects(fileCheckpointStore(directory).load(), {
    code: 'FN_CHECKPOINT_UNUSABLE',
    message: `${unusable}${directory} cannot be read: EISDIR: illegal operation on a directory, read '${directory}'. Set KEDAFN_CHECKPOINT_PATH to a file on a local disk`,
  })
  chmodSync(directory, 0o555)
  const path = join(directory, 'producer.checkpoint')
  const root = process.geteuid?.() === 0
  if (root) process.seteuid?.(65_534)
  try {
    await assert.rejects(fileCheckpointStore(path).save(checkpointAt(1)), {
      code: 'FN_CHECKPOINT_UNUSABLE',
      message: `${unusable}${path} cannot be written: EACCES: permission denied, open '${path}.tmp'. Let this process's user write to ${directory}, or set KEDAFN_CHECKPOINT_PATH to a place where it may`,
    })
  } finally {
    if (root) process.seteuid?.(0)
    chmodSync(directory, 0o755)
  }
})
