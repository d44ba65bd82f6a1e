import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { Workspace } from '../../support/workspace.ts'
import { seeded } from '../../unit/seeded.ts'
import { Kedafn } from '../support/kedafn.ts'
import { idsOf, numbered, Queues } from '../support/queues.ts'

export interface Kills {
  readonly messages: number
  /** How often each of the runs is killed. */
  readonly kills: number
  /** Replays of the same messages at the same time. */
  readonly runs: number
  readonly seed: number
}

/** The most that a killed run leaves to be repeated. */
const window = 1000
/** A run that comes to no kill ends by itself. */
const restMs = 60_000

/** Replays while the replay is killed with SIGKILL and begun again, and looks at each message that came. */
export async function replayKilled(t: TestContext, { messages, kills, runs, seed }: Kills): Promise<void> {
  const queues = await Queues.open('cli-kills')
  t.after(() => queues[Symbol.asyncDispose]())
  const next = seeded(seed)
  const [queue, into] = [await queues.make(), await queues.make()]
  await queues.send(queue, numbered(messages))
  const workspace = new Workspace(t, queues.vhost.url)
  const killed = await Promise.all(
    Array.from({ length: runs }, (_, run) => {
      const points = Array.from({ length: kills }, () => next(messages)).sort((a, b) => a - b)
      const state = workspace.path(`replay-${run}.json`)
      const args = ['replay', queue, '--from', '0', '--into', into, '--state', state, '--rate', '1000000']
      return runKilled(t, points, next, { state, start: () => new Kedafn(t, args, { env: queues.env }) })
    }),
  )
  const ids = idsOf(await queues.empty(into))
  const first = [...new Set(ids)]
  const repeated = ids.length - runs * messages
  const words = `${killed.join(' and ')} kills, ${messages} messages: ${first.length} came, ${repeated} more than once a run`
  t.diagnostic(`seed ${seed}: ${words}`)
  assert.equal(first.length, messages, 'each has come')
  assert.ok(
    first.every((id, index) => id === `f:${index}`),
    'first appearances are in order',
  )
  assert.ok(repeated <= kills * runs * window, `no more is repeated than was in flight: ${words}`)
}

interface KilledRun {
  readonly state: string
  start(): Kedafn
}

/** Kills a run when it has come to each point, or a moment after its start. @returns how often it was killed */
async function runKilled(
  t: TestContext,
  points: readonly number[],
  next: (limit: number) => number,
  { state, start }: KilledRun,
): Promise<number> {
  let kills = 0
  for (const point of points) {
    const running = start()
    // Every fourth one is killed wherever it is then: while it looks, before its first confirm, in a save.
    const early = next(4) === 0 ? next(1500) : null
    const begun = performance.now()
    const isDue = () => (early === null ? nextIn(state) >= point : performance.now() - begun >= early)
    await t.waitFor(() => assert.ok(isDue() || running.child.exitCode !== null), { interval: 2, timeout: restMs })
    if (running.child.kill('SIGKILL')) kills++
    await running.ended
  }
  const { code, stderr } = await start().ended
  assert.equal(code, 0, stderr)
  return kills
}

function nextIn(state: string): number {
  try {
    return JSON.parse(readFileSync(state, 'utf8')).next
  } catch {
    return -1
  }
}
