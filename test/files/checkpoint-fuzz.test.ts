import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { encodeCheckpoint } from '../../runtime/core/checkpoint.ts'
import { fileCheckpointStore } from '../../runtime/files/checkpoint.ts'
import { checkpointAt } from '../contract/checkpoint-store.contract.ts'
import { reading } from './reading.ts'
import { workspace } from './workspace.ts'

const options = { timeout: 60_000 }
const good = Buffer.from(encodeCheckpoint(checkpointAt(5_000_000_000)))
const other = Buffer.from(encodeCheckpoint({ ...checkpointAt(77), file: 'another' }))

/** Loads what stands in the file, which has to be refused. */
function refusing(t: TestContext): (bytes: Uint8Array, what: string) => Promise<void> {
  const path = join(workspace(t), 'producer.checkpoint')
  const store = fileCheckpointStore(path)
  return async (bytes, what) => {
    writeFileSync(path, bytes)
    await assert.rejects(store.load(), { code: 'FN_CHECKPOINT_UNUSABLE' }, what)
  }
}

test('a checkpoint that is cut at any length, or continued, is refused', options, async (t) => {
  const refuse = refusing(t)
  for (let length = 0; length < good.length; length++) await refuse(good.subarray(0, length), `cut to ${length}`)
  for (let length = 1; length < good.length; length++)
    await refuse(good.subarray(length), `without the first ${length}`)
  for (const more of ['\n', ' ', '\0', '{}', good.toString()])
    await refuse(Buffer.concat([good, Buffer.from(more)]), more)
})

test('a checkpoint that is put together of two is refused', options, async (t) => {
  const refuse = refusing(t)
  for (let at = good.indexOf('-1 ') + 4; at < good.indexOf('\n'); at++) {
    await refuse(Buffer.concat([good.subarray(0, at), other.subarray(at)]), `joined at ${at}`)
  }
  const [goodLine, otherBody] = [good.toString().split('\n')[0], other.toString().split('\n')[1]]
  await refuse(Buffer.from(`${goodLine}\n${otherBody}\n`), 'the sum of one and the body of another')
})

test('whatever is done to the bytes of a checkpoint, it is refused', options, async (t) => {
  const refuse = refusing(t)
  const damaged = fc.oneof(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.string({ unit: 'binary', maxLength: 200 }).map((text) => Buffer.from(text)),
    fc.json().map((json) => Buffer.from(`kedafn-checkpoint-1 00000000\n${json}\n`)),
    fc
      .tuple(fc.nat(good.length), fc.nat(20), fc.uint8Array({ maxLength: 20 }))
      .map(([at, gone, put]) => Buffer.concat([good.subarray(0, at), put, good.subarray(at + gone)])),
  )
  const property = fc.asyncProperty(damaged, async (bytes) => {
    fc.pre(!bytes.equals(good))
    await refuse(bytes, bytes.toString('latin1'))
  })
  await fc.assert(property, { numRuns: 2000, seed: 20_260_101 })
})

test('the checkpoint of another file skips nothing of this one, and a warning says so', options, async (t) => {
  const directory = workspace(t)
  const checkpoints = []
  for (const name of ['a', 'b']) {
    writeFileSync(join(directory, name), `${name}1\n${name}2\n`)
    const reader = await reading(t, join(directory, name))
    await reader.until(2)
    checkpoints.push(await reader.checkpoint())
    await reader.source.close()
  }
  const checkpoint = checkpoints[1] ?? null
  const path = join(workspace(t), 'a')
  writeFileSync(path, 'a1\na2\n')
  const reader = await reading(t, path, { checkpoint, once: true })
  assert.deepEqual(await reader.all(), ['a1', 'a2'])
  assert.deepEqual(
    reader.log.of('warn').map(({ fields }) => fields.offset),
    [6],
  )
  // In one directory the other file looks like one that was rotated away: it is read to its end, then this one from its begin.
  writeFileSync(join(directory, 'b'), 'b3\n', { flag: 'a' })
  const beside = await reading(t, join(directory, 'a'), { checkpoint, once: true })
  assert.deepEqual(await beside.all(), ['b3', 'a1', 'a2'])
})
