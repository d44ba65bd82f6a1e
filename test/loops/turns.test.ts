import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FnError } from '../../runtime/core/errors.ts'
import { settle, TestClock } from '../../runtime/doubles/clock.ts'
import { MemoryCheckpointStore, MemoryFile } from '../../runtime/doubles/source.ts'
import type { Publisher } from '../../runtime/ports.ts'
import { Checkpoints, type Loop, TurnTaking } from '../../runtime/produce-locked.ts'
import { checkpointAt } from '../contract/checkpoint-store.contract.ts'
import { isPending, type LogEntry, recordingLog } from './consuming.ts'
import { checkpointer } from './producing.ts'

const takenOver = { code: 'FN_TAKEN_OVER' }

/** A store, and this process's view of it. */
function watching(checkBeforeSave = true) {
  const store = new MemoryCheckpointStore()
  const checkpoints = new Checkpoints()
  return { store, checkpoints, ours: checkpoints.watch(store, checkBeforeSave) }
}

test('a checkpoint is this process own if it was read or saved here', async () => {
  const { checkpoints, ours } = watching()
  await checkpoints.admit()
  assert.equal(await ours.load(), null)
  await checkpoints.admit()
  for (const offset of [1, 2]) {
    await ours.save(checkpointAt(offset))
    await checkpoints.admit()
  }
})

test('a checkpoint that another process saved says that it took over, and is not replaced', async () => {
  const { store, checkpoints, ours } = watching()
  await store.save(checkpointAt(1))
  await ours.load()
  await store.save(checkpointAt(5))
  await assert.rejects(checkpoints.admit(), takenOver)
  await assert.rejects(ours.save(checkpointAt(2)), takenOver)
  assert.deepEqual(await store.load(), checkpointAt(5))
  assert.deepEqual(await ours.load(), checkpointAt(5))
  await ours.save(checkpointAt(6))
})

test('the first checkpoint of another process counts, too', async () => {
  const { store, checkpoints, ours } = watching()
  await ours.load()
  await store.save(checkpointAt(5))
  await assert.rejects(checkpoints.admit(), takenOver)
})

test('a checkpoint that was deleted is saved again: nobody else worked', async () => {
  const { checkpoints, store, ours } = watching()
  await ours.load()
  await ours.save(checkpointAt(1))
  store.load = async () => null
  await checkpoints.admit()
  await ours.save(checkpointAt(2))
})

test('while a save is under way both what was there and what is saved are this process own', async () => {
  const { checkpoints, store, ours } = watching(false)
  await ours.load()
  await ours.save(checkpointAt(1))
  const release = store.hold()
  const saving = ours.save(checkpointAt(2))
  await checkpoints.admit()
  release()
  await saving
  await checkpoints.admit()
})

/** A publisher as far as taking turns goes: ready when told, and closed. */
class Turnstile {
  enter: () => void = () => {}
  closed = 0
  readonly ready = new Promise<void>((resolve) => {
    this.enter = resolve
  })
  readonly failed: Promise<never> = new Promise(() => {})
  async close(): Promise<void> {
    this.closed++
  }
}

/** Turns whose loops run until they are told to stop or fail. */
function turns() {
  const opened: { publisher: Turnstile; loop: Loop; fail(error: unknown): void; begun: number }[] = []
  const entries: LogEntry[] = []
  const taking = new TurnTaking(() => {
    let end: { resolve(): void; reject(error: unknown): void } = { resolve: () => {}, reject: () => {} }
    const running = new Promise<void>((resolve, reject) => {
      end = { resolve, reject }
    })
    const loop: Loop = { run: () => running, drain: () => end.resolve() }
    const turn = { publisher: new Turnstile(), loop, fail: (error: unknown) => end.reject(error), begun: 0 }
    opened.push(turn)
    const begin = async () => {
      turn.begun++
      return loop
    }
    return { publisher: turn.publisher as unknown as Publisher, begin }
  }, recordingLog(entries))
  return { taking, opened, entries }
}

test('nothing is read before the lock is there; who is taken over waits for the next turn and begins anew', async () => {
  const { taking, opened, entries } = turns()
  const done = taking.run()
  await settle()
  assert.equal(opened[0]?.begun, 0)
  opened[0]?.publisher.enter()
  await settle()
  assert.equal(opened[0]?.begun, 1)
  opened[0]?.fail(new FnError('FN_TAKEN_OVER', 'test'))
  await settle()
  assert.deepEqual(
    opened.map(({ begun, publisher }) => [begun, publisher.closed > 0]),
    [
      [1, true],
      [0, false],
    ],
  )
  assert.deepEqual(
    entries.map(({ level, message }) => [level, message]),
    [['info', 'another producer took over: waiting for the next turn']],
  )
  opened[1]?.publisher.enter()
  await settle()
  taking.drain()
  await done
  assert.equal(opened.length, 2)
})

test('a queue that was gone is a reason to begin anew, and a warning', async () => {
  const { taking, opened, entries } = turns()
  const done = taking.run()
  opened[0]?.publisher.enter()
  await settle()
  opened[0]?.fail(new FnError('FN_QUEUE_GONE', 'test'))
  await settle()
  assert.deepEqual([opened.length, opened[0]?.publisher.closed], [2, 1])
  assert.deepEqual(
    entries.map(({ level, message }) => [level, message]),
    [['warn', 'what was sent since the last checkpoint is sent again']],
  )
  taking.drain()
  await done
})

test('any other failure ends it', async () => {
  const { taking, opened } = turns()
  const done = taking.run()
  opened[0]?.publisher.enter()
  await settle()
  opened[0]?.fail(new FnError('FN_CHECKPOINT_UNUSABLE', 'test'))
  await assert.rejects(done, { code: 'FN_CHECKPOINT_UNUSABLE' })
})

test('told to stop while it waits it ends at once, without reading anything', async () => {
  const { taking, opened } = turns()
  const done = taking.run()
  await settle()
  assert.equal(await isPending(done), true)
  taking.drain()
  await done
  assert.deepEqual([opened.length, opened[0]?.begun, opened[0]?.publisher.closed], [1, 0, 1])
})

test('a checkpointer that was stopped saves nothing any more, whatever was due', async () => {
  const clock = new TestClock()
  const store = new MemoryCheckpointStore()
  const source = new MemoryFile('a\n').source()
  const saving = checkpointer(source, store, clock, 2)
  const { file } = (await source.read(new AbortController().signal)) ?? { file: '' }
  saving.begin(2, file, { kind: 'part', bytes: new Uint8Array(0), offset: 0, part: 0, end: 2 })
  saving.confirm(file, 2, 1)
  saving.stop()
  await clock.tick(1000)
  saving.confirm(file, 2, 1)
  await settle()
  assert.deepEqual(store.saved, [])
})
