import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kubeletBackOff, Member, type MemberOptions, restartDelayMs } from '../../dev/member.ts'
import type { Plan } from '../../dev/plan.ts'
import type { Exit } from '../../dev/process.ts'
import { noCounters } from '../../runtime/core/counters.ts'
import type { Counters, ProcessReport } from '../../runtime/ports.ts'
import { settle, TestClock } from '../../runtime/testing.ts'

const plan = { name: 'f', kind: 'consumer', graceMs: 1000 } as Plan

/** A member whose processes are played by the test. */
function played(options: Partial<MemberOptions> = {}) {
  const clock = new TestClock()
  const signals: string[] = []
  const crashes: (number | null)[] = []
  let end: (exit: Exit) => void = () => {}
  let report: (report: ProcessReport) => void = () => {}
  const member = new Member({
    plan,
    endsByItself: false,
    crashLimit: null,
    after: (ms, fn) => clock.after(ms, fn),
    now: () => clock.monotonic(),
    changed: () => {},
    crashed: (_exit, delayMs) => crashes.push(delayMs),
    launch(reported) {
      report = reported
      signals.push('launch')
      const ended = new Promise<Exit>((resolve) => {
        end = resolve
      })
      return { ended, terminate: () => signals.push('SIGTERM'), kill: () => signals.push('SIGKILL') }
    },
    ...options,
  })
  member.start()
  return {
    member,
    clock,
    signals,
    crashes,
    reports: (counters: Partial<Counters>, state: ProcessReport['state'] = 'running') =>
      report({ kind: 'kedafn-report', function: 'f', state, counters: { ...noCounters, ...counters } }),
    async ends(code: number | null, signal: NodeJS.Signals | null = null) {
      end({ code, signal, error: null })
      await settle()
    },
  }
}

test('the delay before a restart doubles from 0.2 s to 10 s', () => {
  assert.deepEqual([1, 2, 3, 6, 7, 100].map(restartDelayMs), [200, 400, 800, 6400, 10_000, 10_000])
})

test('a kubelet restarts at once, then after 10 s, doubled up to 5 min, faster if all is', () => {
  assert.deepEqual([1, 2, 3, 6, 7, 100].map(kubeletBackOff(1).delayMs), [0, 10_000, 20_000, 160_000, 300_000, 300_000])
  assert.equal(kubeletBackOff(10).delayMs(3), 2000)
})

test('progress does not make a kubelet forget a crash, ten minutes do', async () => {
  const { clock, crashes, reports, ends } = played({ backOff: kubeletBackOff(1) })
  await ends(1)
  await clock.tick(0)
  reports({ received: 1, acked: 1 })
  await ends(1)
  await clock.tick(10_000)
  await clock.tick(600_001)
  await ends(1)
  assert.deepEqual(crashes, [0, 10_000, 0])
})

test('a life that is ended by accident is followed by another one', async () => {
  const { member, clock, signals, ends } = played()
  member.crash()
  await ends(null, 'SIGKILL')
  await clock.tick(200)
  assert.deepEqual(signals, ['launch', 'SIGKILL', 'launch'])
})

test('a crashed function starts again after its delay, and its totals go on', async () => {
  const { member, clock, signals, crashes, reports, ends } = played()
  reports({ received: 10, acked: 7 })
  assert.equal(member.status.unsettled, 3)
  await ends(null, 'SIGKILL')
  assert.deepEqual(crashes, [200])
  assert.equal(member.status.state, 'crashed')
  assert.equal(member.status.unsettled, 0, 'what it held is with the broker again')
  await clock.tick(199)
  assert.deepEqual(signals, ['launch'])
  await clock.tick(1)
  assert.deepEqual(signals, ['launch', 'launch'])
  reports({ received: 5, acked: 5 })
  const { counters, restarts } = member.status
  assert.deepEqual([counters.received, counters.acked, restarts], [15, 12, 1])
})

test('a function that ends without being told to starts again even if it ended well', async () => {
  const { crashes, ends } = played()
  await ends(0)
  assert.deepEqual(crashes, [200])
})

test('a function whose work is done is finished', async () => {
  const { member, crashes, ends } = played({ endsByItself: true })
  await ends(0)
  assert.deepEqual(await member.finished, { code: 0, signal: null, error: null })
  assert.deepEqual(crashes, [])
  assert.equal(await member.stop(), true)
})

test('progress and a long life make the next crash the first one again', async () => {
  const { clock, crashes, reports, ends } = played()
  await ends(1)
  await clock.tick(200)
  await ends(1)
  await clock.tick(400)
  reports({ received: 1, acked: 1 })
  await ends(1)
  await clock.tick(200)
  await clock.tick(10_001)
  await ends(1)
  assert.deepEqual(crashes, [200, 400, 200, 200])
})

test('it is given up after the limit of crashes in a row', async () => {
  const { member, clock, crashes, ends } = played({ crashLimit: 3 })
  for (const delayMs of [200, 400, 0]) {
    await ends(1)
    await clock.tick(delayMs)
  }
  assert.deepEqual(crashes, [200, 400, null])
  assert.equal((await member.finished).code, 1)
})

test('a configuration error is final at once', async () => {
  const { member, crashes, ends } = played()
  await ends(2)
  assert.deepEqual(crashes, [null])
  assert.equal((await member.finished).code, 2)
})

test('stop drains; a function that ends in time did well', async () => {
  const { member, clock, signals, ends } = played()
  const stopped = member.stop()
  await clock.tick(2999)
  await ends(0)
  assert.equal(await stopped, true)
  await clock.tick(10_000)
  assert.deepEqual(signals, ['launch', 'SIGTERM'])
})

test('a process that SIGTERM ends before it has begun did well, one that has begun did not', async () => {
  for (const begun of [false, true]) {
    const { member, reports, ends } = played()
    if (begun) reports({})
    const stopped = member.stop()
    await ends(null, 'SIGTERM')
    assert.equal(await stopped, !begun)
  }
})

test('stop kills what outlives its grace period by two seconds', async () => {
  const { member, clock, signals, ends } = played()
  const stopped = member.stop()
  await clock.tick(3000)
  assert.deepEqual(signals, ['launch', 'SIGTERM', 'SIGKILL'])
  await ends(null, 'SIGKILL')
  assert.equal(await stopped, false)
})

test('stop while it waits for its restart leaves it stopped', async () => {
  const { member, clock, signals, ends } = played()
  await ends(1)
  assert.equal(await member.stop(), true)
  await clock.tick(60_000)
  assert.deepEqual(signals, ['launch'])
  assert.equal(member.status.state, 'ended')
})

test('it can be started again after a stop', async () => {
  const { member, signals, reports, ends } = played()
  reports({ received: 1, acked: 1 })
  const stopped = member.stop()
  await ends(0)
  await stopped
  member.start()
  reports({ received: 2, acked: 2 })
  assert.deepEqual(signals, ['launch', 'SIGTERM', 'launch'])
  assert.equal(member.status.counters.acked, 3)
  assert.equal(member.status.restarts, 0)
})
