import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FnError } from '../../runtime/core/errors.ts'
import { settle, TestClock } from '../../runtime/doubles/clock.ts'
import { MemoryCheckpointStore, MemoryFile } from '../../runtime/doubles/source.ts'
import { firsts } from '../contract/broker-world.ts'
import { seeded } from '../unit/seeded.ts'
import { bodiesIn, isPending } from './consuming.ts'
import { checkpointer, numbered, producing } from './producing.ts'

const lines = (text: string): string[] => text.split('\n').slice(0, -1)

test('the checkpoint never passes a line that is not confirmed', async () => {
  const { start, broker, store, clock } = producing(numbered(10))
  broker.holdConfirms()
  const { done } = await start()
  await clock.tick(1000)
  assert.equal(bodiesIn(broker, 'logs').length, 10)
  assert.equal(store.saved.length, 0)
  broker.releaseConfirms(3)
  await clock.tick(99)
  assert.equal(store.saved.length, 0)
  await clock.tick(1)
  assert.deepEqual(
    store.saved.map(({ offset }) => offset),
    [24],
  )
  broker.releaseConfirms(1)
  await clock.tick(100)
  assert.equal(store.saved.at(-1)?.offset, 32)
  assert.equal(await isPending(done), true)
  broker.releaseConfirms()
  await done
  assert.equal(store.saved.at(-1)?.offset, 80)
})

test('a checkpoint is saved after so many confirmed lines, without waiting for the time', async () => {
  const { start, store } = producing(numbered(10), {}, { KEDAFN_CHECKPOINT_LINES: '4', KEDAFN_WINDOW: '2' })
  const { done } = await start()
  await settle()
  await done
  assert.ok(store.saved.length >= 2)
  const offsets = store.saved.map(({ offset }) => offset)
  assert.deepEqual(
    offsets,
    [...offsets].sort((a, b) => a - b),
  )
  assert.equal(offsets.at(-1), 80)
})

test('while a save hangs, no more than window + checkpointLines lines are sent beyond the checkpoint', async () => {
  const env = { KEDAFN_CHECKPOINT_LINES: '5', KEDAFN_WINDOW: '3' }
  const { start, store, broker, clock } = producing(numbered(50), {}, env)
  const release = store.hold()
  const { done, counters } = await start()
  await clock.tick(10_000)
  assert.equal(counters.sent, 8)
  assert.equal(bodiesIn(broker, 'logs').length, 8)
  release()
  await done
  assert.equal(bodiesIn(broker, 'logs').length, 50)
})

test('a save that fails ends the producer with its code', async () => {
  const { start, store, clock, broker } = producing(numbered(3), {}, {}, false)
  store.failNext('read-only file system')
  const { done } = await start()
  const failed = assert.rejects(done, (error: FnError) => {
    assert.equal(error.code, 'FN_CHECKPOINT_UNUSABLE')
    assert.match(error.message, /read-only file system/)
    return true
  })
  await clock.tick(100)
  await failed
  assert.equal(broker.sessions.size, 0)
})

test('a save that fails at the very end ends the producer too', async () => {
  const { start, store } = producing(numbered(3))
  store.failNext()
  const { done } = await start()
  await assert.rejects(done, (error: FnError) => error.code === 'FN_CHECKPOINT_UNUSABLE')
})

test('finishing after a failed save rejects', async () => {
  const clock = new TestClock()
  const store = new MemoryCheckpointStore()
  const source = new MemoryFile('a\n').source()
  const saving = checkpointer(source, store, clock)
  store.failNext()
  saving.confirm('memory-1', 2, 1)
  await clock.tick(100)
  await assert.rejects(saving.finish(), (error: FnError) => error.code === 'FN_CHECKPOINT_UNUSABLE')
})

test('any error of the store or the source is given the code of a checkpoint that is unusable', async () => {
  const clock = new TestClock()
  const source = new MemoryFile('a\n').source()
  const store = { load: async () => null, save: () => Promise.reject(new Error('EROFS')) }
  const saving = checkpointer(source, store, clock)
  saving.confirm('memory-1', 2, 1)
  await assert.rejects(saving.finish(), (error: unknown) => {
    assert.ok(error instanceof FnError)
    assert.match(error.message, /EROFS/)
    return true
  })
})

test('no checkpoint passes what was confirmed while the queue did not stand', async () => {
  const { start, store, broker, clock } = producing(numbered(10))
  broker.holdConfirms()
  const { done } = await start()
  const gone = assert.rejects(done, { code: 'FN_QUEUE_GONE' })
  await clock.tick(1)
  broker.releaseConfirms(5)
  await clock.tick(100)
  assert.deepEqual(
    store.saved.map(({ offset }) => offset),
    [40],
  )
  broker.queues.delete('logs')
  broker.releaseConfirms()
  await gone
  assert.equal(store.saved.length, 1)
  const again = await start()
  await again.done
  assert.equal(bodiesIn(broker, 'logs').length, 5)
})

test('a restart from the checkpoint sends exactly the rest', async () => {
  const { start, file, broker, store } = producing(numbered(20))
  await (await start()).done
  file.append(numbered(10, 20))
  const { done, counters } = await start()
  await done
  assert.equal(counters.sent, 10)
  assert.deepEqual(bodiesIn(broker, 'logs'), lines(numbered(30)))
  assert.deepEqual(
    broker.ready('logs').map(({ messageId }) => messageId),
    Array.from({ length: 30 }, (_, index) => `memory-1:${index * 8}`),
  )
  assert.equal(store.saved.at(-1)?.offset, 240)
})

/** One producer through cuts, refusals and crashes at random moments: order, ids, and the promised bound on repeats. */
async function live(seed: number): Promise<void> {
  const next = seeded(seed)
  const window = 1 + next(10)
  const checkpointLines = 1 + next(10)
  const env = { KEDAFN_WINDOW: `${window}`, KEDAFN_CHECKPOINT_LINES: `${checkpointLines}` }
  const skip = (text: string) => Number(text) % 7 === 3
  const map = (line: { text: string; bytes: Uint8Array }) => (skip(line.text) ? null : { body: line.bytes })
  const { start, broker, store, clock } = producing(numbered(120), { map }, env)
  const sent = lines(numbered(120)).filter((line) => !skip(line))
  let crashes = 0
  let ended = false
  while (!ended) {
    let alive = true
    const save = store.save.bind(store)
    // What is dead saves nothing.
    const mortal = { load: () => store.load(), save: (to: Parameters<typeof save>[0]) => (alive ? save(to) : never) }
    const { done, publisher } = await start(mortal)
    void done.then(() => {
      ended = true
    })
    for (let step = 1 + next(crashes < 5 ? 6 : 10_000); step > 0 && !ended; step--) {
      const chosen = next(6)
      if (chosen === 0) broker.cut()
      else if (chosen === 1) broker.holdConfirms()
      else if (chosen === 2) broker.refusing = !broker.refusing
      else broker.releaseConfirms(chosen === 3 ? 1 + next(5) : Infinity)
      await clock.tick(next(3) * 60)
      const saved = (store.saved.at(-1)?.offset ?? 0) / 8
      const published = new Set(bodiesIn(broker, 'logs'))
      const beyond = [...published].filter((body) => Number(body) >= saved)
      assert.ok(beyond.length <= window + checkpointLines, `seed ${seed}: ${beyond.length} beyond the checkpoint`)
    }
    if (ended) break
    crashes++
    alive = false
    await publisher.close()
  }
  const stored = bodiesIn(broker, 'logs')
  assert.deepEqual(firsts(stored), sent, `seed ${seed}`)
  assert.equal(store.saved.at(-1)?.offset, 960, `seed ${seed}`)
}
const never = new Promise<never>(() => {})

test('through cuts, refusals and crashes every line is sent, in order, and few are repeated', async () => {
  for (let seed = 1; seed <= 60; seed++) await live(seed)
})
