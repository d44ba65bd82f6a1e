import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { after, type TestContext, test } from 'node:test'
import { decodeCheckpoint } from '../../runtime/core/checkpoint.ts'
import { openVhost } from '../support/broker.ts'
import type { FunctionProcess } from '../support/function-process.ts'
import { bundles, compareLines, Workspace } from '../support/workspace.ts'

const vhost = await openVhost('process-producers')
const built = await bundles()
after(async () => {
  built.dispose()
  await vhost.dispose()
})

const poll = { interval: 100, timeout: 60_000 }
/** By default. */
const [window, checkpointLines] = [1000, 1000]
const producing = 'publishing'
const waiting = 'waiting for the lock: another producer works'
const takenOver = 'another producer took over: waiting for the next turn'

const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `line ${String(i).padStart(8, '0')}`)

const confirmed = (producer: FunctionProcess): number => producer.counters?.confirmed ?? 0

async function drain(...processes: FunctionProcess[]): Promise<void> {
  for (const process of processes) {
    process.kill('SIGTERM')
    assert.deepEqual(await process.exited, { code: 0, signal: null })
  }
}

/** Everything came out, in order, and at most so many lines twice. */
async function complete(t: TestContext, work: Workspace, lines: readonly string[], mostRepeats: number): Promise<void> {
  await t.waitFor(() => assert.equal(work.lines().at(-1), lines.at(-1)), poll)
  const { missing, strangers, repeated, ordered } = compareLines(lines, work.lines())
  assert.deepEqual({ missing, strangers, ordered }, { missing: 0, strangers: 0, ordered: true })
  assert.ok(repeated <= mostRepeats, `${repeated} repeats`)
}

for (const checkpoint of ['file', 'broker']) {
  // A source of its own: the broker keeps its checkpoint from test to test.
  const env = { KEDAFN_CHECKPOINT: checkpoint, KEDAFN_SOURCE: `killed-${checkpoint}` }

  test(`checkpoint in a ${checkpoint}: the producer that works is killed, the one that waits goes on where it was`, async (t) => {
    const work = new Workspace(t, vhost.url)
    const lines = numbered(60_000)
    work.write(`${lines.join('\n')}\n`)
    const consumer = work.start(built.of('log-consumer'))
    const first = work.start(built.of('log-producer'), env)
    await first.logged(producing)
    const second = work.start(built.of('log-producer'), env)
    await second.logged(waiting)
    await first.until('some thousand lines are confirmed', () => confirmed(first) > 5000)
    assert.equal(second.counters?.sent ?? 0, 0)
    first.kill('SIGKILL')
    await first.exited
    await complete(t, work, lines, window + checkpointLines)
    assert.ok(confirmed(second) < lines.length - 5000 + window + checkpointLines)
    assert.deepEqual(
      second.entries.filter(({ level }) => level !== 'info'),
      [],
    )
    await drain(second, consumer)
  })
}

test('a producer without a disk goes on where the one before it ended', async (t) => {
  const work = new Workspace(t, vhost.url)
  const env = { KEDAFN_CHECKPOINT: 'broker', KEDAFN_SOURCE: 'ended', KEDAFN_ONCE: 'true' }
  work.write('one\ntwo\n')
  const first = work.start(built.of('log-producer'), env)
  assert.equal((await first.exited).code, 0)
  work.append('three\n')
  const second = work.start(built.of('log-producer'), env)
  assert.equal((await second.exited).code, 0)
  const consumer = work.start(built.of('log-consumer'))
  await t.waitFor(() => assert.equal(String(work.read()), 'one\ntwo\nthree\n'), poll)
  assert.equal(work.read('checkpoint').length, 0)
  await drain(consumer)
})

test('a producer that is told to stop while it waits for the lock ends at once', async (t) => {
  const work = new Workspace(t, vhost.url)
  work.write('one\n')
  const env = { KEDAFN_SOURCE: 'stopped' }
  const first = work.start(built.of('log-producer'), env)
  await first.until('one line is confirmed', () => confirmed(first) === 1)
  const second = work.start(built.of('log-producer'), env)
  await second.logged(waiting)
  await drain(second)
  await drain(first)
  const consumer = work.start(built.of('log-consumer'))
  await t.waitFor(() => assert.equal(String(work.read()), 'one\n'), poll)
  await drain(consumer)
})

/** Stops the process while no new checkpoint is on its way to its place: one that were would be put back, outdated, when it goes on. */
async function pauseOutsideASave(t: TestContext, work: Workspace, producer: FunctionProcess): Promise<void> {
  for (;;) {
    producer.kill('SIGSTOP')
    const settled = t.waitFor(() => assert.ok(!existsSync(work.path('checkpoint.tmp'))), { interval: 10, timeout: 100 })
    if (
      await settled.then(
        () => true,
        () => false,
      )
    ) {
      return
    }
    producer.kill('SIGCONT')
  }
}

test('a producer that was paused is taken over; resumed, it sends nothing of what it held and waits its turn', async (t) => {
  const work = new Workspace(t, vhost.url)
  const lines = numbered(150_000)
  work.write(`${lines.slice(0, 100_000).join('\n')}\n`)
  const env = { KEDAFN_SOURCE: 'paused' }
  const offset = () => decodeCheckpoint(String(work.read('checkpoint')), 'checkpoint').offset
  const consumer = work.start(built.of('log-consumer'))
  const paused = work.start(built.of('log-producer'), env)
  await paused.logged(producing)
  const second = work.start(built.of('log-producer'), env)
  await second.logged(waiting)
  await paused.until('it is in the middle of the file', () => confirmed(paused) > 10_000)
  await pauseOutsideASave(t, work, paused)
  // The broker gives it up by its heartbeats, one every 10 s.
  await t.waitFor(() => assert.ok(confirmed(second) > 5000), { ...poll, timeout: 120_000 })
  const [before, saved] = [confirmed(paused), offset()]
  paused.kill('SIGCONT')
  await paused.logged(takenOver)
  await paused.logged(waiting)
  assert.ok(offset() >= saved, `${offset()}, after ${saved}`)
  work.append(`${lines.slice(100_000).join('\n')}\n`)
  // A pause between the look at the checkpoint and its rename is the moment without a fence: it repeats more, and loses nothing.
  await complete(t, work, lines, lines.length)
  // It may have had confirms in its socket; it sent nothing that became one.
  assert.ok(confirmed(paused) - before <= window, `${confirmed(paused)} confirmed, ${before} before it was paused`)
  await drain(second)
  // Nobody else is left: it is its turn, and there is nothing to repeat.
  work.append('the last\n')
  await t.waitFor(() => assert.equal(work.lines().at(-1), 'the last'), poll)
  await complete(t, work, [...lines, 'the last'], lines.length)
  await drain(paused, consumer)
})
