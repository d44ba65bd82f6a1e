import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { ready } from '../../support/queues.ts'
import { seeded } from '../../unit/seeded.ts'
import { Kedafn } from '../support/kedafn.ts'
import { bury, empty, idsOf, numbered } from './support.ts'

export interface KilledRedrives {
  readonly messages: number
  readonly kills: number
  /** Runs at once. */
  readonly runs: number
  readonly seed: number
  /** Arguments that make it last. */
  readonly pace: readonly string[]
  /** A run lives no longer than this before it is killed, ms. */
  readonly longestMs: number
}

/**
 * Moves dead letters by runs of which each is killed at a random moment of its life, until so many were; then by runs that are let live.
 * Every message has to be there, in the order of its first appearance, and none more often than kills can explain.
 */
export async function killedRedrives(t: TestContext, url: string, options: KilledRedrives): Promise<void> {
  const { messages, kills, runs, seed, pace, longestMs } = options
  const next = seeded(seed)
  const letters = numbered(messages)
  await bury(url, letters)
  const start = () => new Kedafn(t, ['dlq', 'redrive', 'logs', ...pace], { env: { AMQP_URL: url }, stdin: '' })
  let killed = 0
  const runAndKill = async () => {
    while (killed < kills && (await ready(url, 'logs.dead')) > 0) {
      const run = start()
      const life = await Promise.race([run.ended, pause(next(longestMs))])
      if (life || killed >= kills) await run.ended
      else {
        killed++
        run.child.kill('SIGKILL')
        await run.ended
      }
    }
  }
  await Promise.all(Array.from({ length: runs }, runAndKill))
  await Promise.all(
    Array.from({ length: runs }, () => start().ended.then(({ code, stderr }) => assert.equal(code, 0, stderr))),
  )
  const moved = idsOf(await empty(url, 'logs'))
  const first = [...new Set(moved)]
  assert.deepEqual(await empty(url, 'logs.dead'), [])
  t.diagnostic(`${killed} killed, ${moved.length - first.length} of ${messages} messages came twice`)
  assert.equal(first.length, messages)
  const outOfOrder = first.findIndex((id, index) => id !== letters[index]?.id)
  assert.equal(outOfOrder, -1, `the first out of order is ${first[outOfOrder]}, at ${outOfOrder}`)
  assert.ok(moved.length - first.length <= killed * 64, 'no more than what was on its way comes twice')
  assert.ok(killed >= kills * 0.8, `only ${killed} of ${kills} were killed before all was moved`)
}
