/** npm run test:replay: 100,000 messages and 50 kills, and with two runs at once. It takes minutes. */
import { test } from 'node:test'
import { replayKilled } from './kills.ts'

const seed = Number(process.env.KEDAFN_SEED ?? 1)

test('a replay of 100,000 messages that is killed 50 times', (t) =>
  replayKilled(t, { messages: 100_000, kills: 50, runs: 1, seed }))

test('two at once, of 100,000 messages each, each of them killed 25 times', (t) =>
  replayKilled(t, { messages: 100_000, kills: 25, runs: 2, seed: seed + 1 }))
