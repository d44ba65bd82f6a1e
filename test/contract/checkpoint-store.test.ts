import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { settle } from '../../runtime/doubles/clock.ts'
import { MemoryCheckpointStore } from '../../runtime/doubles/source.ts'
import { fileCheckpointStore } from '../../runtime/files/checkpoint.ts'
import { workspace } from '../files/workspace.ts'
import { checkpointAt, checkpointStoreContract } from './checkpoint-store.contract.ts'

checkpointStoreContract('memory', () => {
  const store = new MemoryCheckpointStore()
  return () => store
})

checkpointStoreContract('file', (t) => {
  const path = join(workspace(t), 'producer.checkpoint')
  return () => fileCheckpointStore(path)
})

test('memory: a save is held until it is let go, and fails if it is told to', async () => {
  const store = new MemoryCheckpointStore()
  const release = store.hold()
  store.failNext()
  const first = assert.rejects(store.save(checkpointAt(1)), { code: 'FN_CHECKPOINT_UNUSABLE' })
  const second = store.save(checkpointAt(2))
  await settle()
  assert.deepEqual(store.saved, [])
  release()
  await first
  await second
  assert.deepEqual(store.saved, [checkpointAt(2)])
})
