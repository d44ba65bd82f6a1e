import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { TestClock } from '../../runtime/doubles/clock.ts'
import { FileWatcher } from '../../runtime/files/watch.ts'
import { workspace } from './workspace.ts'

const never = new AbortController().signal

test('a change between the look and the wait is not lost, and one before the look is forgotten', async (t) => {
  const clock = new TestClock()
  const watcher = new FileWatcher(join(workspace(t), 'input.txt'), clock, () => {})
  t.after(() => watcher.close())
  watcher.wake()
  watcher.reset()
  watcher.wake()
  await watcher.wait(1000, never)
  watcher.reset()
  const wait = watcher.wait(1000, never)
  assert.equal(clock.waiting, 1)
  await clock.tick(1000)
  await wait
})

test('a path that cannot be watched is polled', async (t) => {
  const clock = new TestClock()
  const watcher = new FileWatcher(join(workspace(t), 'missing', 'input.txt'), clock, () => {})
  t.after(() => watcher.close())
  watcher.follow()
  const wait = watcher.wait(1000, never)
  await clock.tick(1000)
  await wait
})
