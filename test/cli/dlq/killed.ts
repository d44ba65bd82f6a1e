import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'amqplib'
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
}

/**
 * Moves dead letters by runs of which one at random is killed, and replaced, each time that a random number of messages was moved; then by
 * runs that are let live. Every message has to be there, in the order of its first appearance, and none more often than kills can explain.
 */
export async function killedRedrives(t: TestContext, url: string, options: KilledRedrives): Promise<void> {
  const { messages, kills, runs, seed, pace } = options
  const next = seeded(seed)
  const letters = numbered(messages)
  await bury(url, letters)
  const start = () => new Kedafn(t, ['dlq', 'redrive', 'logs', ...pace], { env: { AMQP_URL: url }, stdin: '' })
  const alive = Array.from({ length: runs }, start)
  const counter = await connect(url, { noDelay: true })
  const channel = await counter.createChannel()
  const arrived = async () => (await channel.checkQueue('logs')).messageCount
  let killed = 0
  for (let target = 0; killed < kills; killed++) {
    target = Math.max(target, await arrived()) + next(Math.ceil((1.4 * messages) / kills))
    if (target >= messages) break
    while ((await arrived()) < target) await pause(5)
    const index = next(runs)
    alive[index]?.child.kill('SIGKILL')
    await alive[index]?.ended
    alive[index] = start()
  }
  await counter.close()
  for (const { code, stderr } of await Promise.all(alive.map(({ ended }) => ended))) assert.equal(code, 0, stderr)
  const moved = idsOf(await empty(url, 'logs'))
  const first = [...new Set(moved)]
  assert.deepEqual(await empty(url, 'logs.dead'), [])
  t.diagnostic(`${killed} killed, ${moved.length - first.length} of ${messages} messages came twice`)
  assert.equal(first.length, messages)
  const outOfOrder = first.findIndex((id, index) => id !== letters[index]?.id)
  assert.equal(outOfOrder, -1, `the first out of order is ${first[outOfOrder]}, at ${outOfOrder}`)
  assert.ok(moved.length - first.length <= killed * 64, 'no more than what was on its way comes twice')
  assert.ok(killed >= kills * 0.7, `only ${killed} of ${kills} were killed before all was moved`)
}
