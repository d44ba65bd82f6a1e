import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { takeLock } from '../../dev/lock.ts'
import {
  checkpointPathOf,
  confirmedBytes,
  hasCheckpoint,
  makeState,
  pipelineOf,
  prepareFiles,
  startOver,
} from '../../dev/state.ts'
import { encodeCheckpoint } from '../../runtime/core/checkpoint.ts'
import { temporaryFolder } from './folder.ts'

const at = (root: string, input: string | null = null, output: string | null = null) =>
  pipelineOf({ root, cwd: root, input, output })

test('the default files have the state folder "default", every other pair one of its own', () => {
  const root = '/repo'
  assert.equal(at(root).folder, '/repo/.kedafn/state/default')
  assert.equal(at(root, 'input.txt', '/repo/output.txt').id, 'default')
  const ids = [at(root, 'a'), at(root, 'a', 'b'), at(root, 'b', 'a'), at(root, null, 'a')].map(({ id }) => id)
  assert.equal(new Set(ids).size, ids.length)
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}$/)
})

test('paths are relative to where the person is; the default ones to the repository', () => {
  const pipeline = pipelineOf({ root: '/repo', cwd: '/home/me', input: 'x/in', output: null })
  assert.equal(pipeline.input, '/home/me/x/in')
  assert.equal(pipeline.output, '/repo/output.txt')
})

test('a missing default input is made, and never overwritten', (t) => {
  const pipeline = at(temporaryFolder(t))
  assert.equal(prepareFiles(pipeline, true), true)
  assert.match(readFileSync(pipeline.input, 'utf8'), /^(.+\n){3}$/)
  writeFileSync(pipeline.input, 'mine\n')
  assert.equal(prepareFiles(pipeline, true), false)
  assert.equal(readFileSync(pipeline.input, 'utf8'), 'mine\n')
})

test('files that cannot work are refused by name before anything starts', (t) => {
  const root = temporaryFolder(t)
  mkdirSync(join(root, 'folder'))
  writeFileSync(join(root, 'in'), 'x')
  symlinkSync(join(root, 'in'), join(root, 'alias'))
  const refusal = (input: string, output: string, message: RegExp) =>
    assert.throws(() => prepareFiles(at(root, input, output), false), { name: 'UsageError', message })
  refusal('missing', 'out', /--input is .*missing; there is no such file/)
  refusal('folder', 'out', /--input is .*folder; expected a regular file/)
  refusal('in', 'folder', /--output is .*folder; expected a regular file/)
  refusal('in', 'no/out', /--output is .*no\/out; there is no folder/)
  refusal('in', 'in', /are both/)
  refusal('in', 'alias', /are both/)
  assert.ok(!existsSync(join(root, 'out')))
})

test('starting over forgets the checkpoints of this pipeline alone', (t) => {
  const root = temporaryFolder(t)
  const [one, other] = [at(root), at(root, 'a', 'b')]
  for (const pipeline of [one, other]) {
    makeState(pipeline)
    writeFileSync(checkpointPathOf(pipeline, 'log-producer'), 'x')
  }
  startOver(one)
  assert.equal(hasCheckpoint(one), false)
  assert.equal(hasCheckpoint(other), true)
})

test('the confirmed part of the input is what the checkpoint says, if it speaks of this file', (t) => {
  const pipeline = at(temporaryFolder(t))
  makeState(pipeline)
  writeFileSync(pipeline.input, 'one\ntwo\n')
  assert.equal(confirmedBytes(pipeline, 'p'), 0)
  const { dev, ino } = statSync(pipeline.input, { bigint: true })
  const checkpoint = { file: 'f', device: String(dev), inode: String(ino), offset: 4, fingerprint: '' }
  const save = (changes: object) =>
    writeFileSync(checkpointPathOf(pipeline, 'p'), encodeCheckpoint({ ...checkpoint, ...changes }))
  save({})
  assert.equal(confirmedBytes(pipeline, 'p'), 4)
  save({ offset: 9 })
  assert.equal(confirmedBytes(pipeline, 'p'), null, 'the file is shorter than what was read of it')
  save({ inode: '1' })
  assert.equal(confirmedBytes(pipeline, 'p'), null)
})

const holdUntilClosed = `
  import { takeLock } from ${JSON.stringify(join(import.meta.dirname, '../../dev/lock.ts'))}
  takeLock(process.argv[1])
`

test('a lock keeps a second process away while the first one runs', (t) => {
  const folder = temporaryFolder(t)
  const release = takeLock(folder)
  const second = spawnSync(process.execPath, ['--input-type=module', '-e', holdUntilClosed, folder], {
    encoding: 'utf8',
  })
  assert.match(second.stderr, new RegExp(`runs already for this input and output, as process ${process.pid};`))
  release()
  takeLock(folder)()
})

test('a lock whose process is gone, or whose number another process has, counts for nothing', (t) => {
  const folder = temporaryFolder(t)
  const gone = spawnSync(process.execPath, ['--input-type=module', '-e', holdUntilClosed, folder])
  assert.equal(gone.status, 0)
  assert.ok(existsSync(join(folder, 'lock')))
  takeLock(folder)()
  writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: process.ppid, begun: 'another time' }))
  takeLock(folder)()
  writeFileSync(join(folder, 'lock'), '')
  takeLock(folder)()
})
