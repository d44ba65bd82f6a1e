import { test } from 'node:test'
import { replayKilled } from './kills.ts'

test('a replay that is killed again and again loses nothing, keeps the order and repeats what was in flight', (t) =>
  replayKilled(t, { messages: 10_000, kills: 4, runs: 1, seed: 1 }))

test('so do two at once', (t) => replayKilled(t, { messages: 5000, kills: 2, runs: 2, seed: 2 }))
