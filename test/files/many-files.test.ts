import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { after, test } from 'node:test'
import { openVhost } from '../support/broker.ts'
import { bundles, Workspace } from '../support/workspace.ts'

const vhost = await openVhost('files-many')
const built = await bundles()
after(async () => {
  built.dispose()
  await vhost.dispose()
})

const poll = { interval: 20, timeout: 30_000 }
const numbered = (name: string, from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, n) => `${name} ${from + n}`)

test('a producer of many files that is killed goes on in each: no line missing, each file in order', async (t) => {
  const work = new Workspace(t, vhost.url)
  mkdirSync(work.path('logs'))
  const names = ['a', 'b', 'c']
  const append = (from: number, to: number) => {
    for (const name of names) work.append(`${numbered(name, from, to).join('\n')}\n`, `logs/${name}.log`)
  }
  append(0, 20_000)
  const environment = { INPUT_PATH: work.path('logs/*.log') }
  const consumer = work.start(built.of('log-consumer'))
  const killed = work.start(built.of('log-producer'), environment)
  await killed.until('some thousand lines are confirmed', () => (killed.counters?.confirmed ?? 0) > 10_000)
  killed.kill('SIGKILL')
  await killed.exited
  append(20_000, 21_000)
  const again = work.start(built.of('log-producer'), environment)
  await again.until('it has begun again', () => (again.counters?.confirmed ?? 0) > 0)
  names.push('d')
  work.append(`${numbered('d', 0, 21_000).join('\n')}\n`, 'logs/d.log')
  const ofFile = (name: string) => [...new Set(work.lines().filter((line) => line.startsWith(name)))]
  await t.waitFor(() => {
    for (const name of names) assert.equal(ofFile(name).length, 21_000)
  }, poll)
  for (const name of names) assert.deepEqual(ofFile(name), numbered(name, 0, 21_000))
  again.kill('SIGTERM')
  assert.deepEqual(await again.exited, { code: 0, signal: null })
  const sent = again.counters?.sent ?? 0
  // Over 10,000 were confirmed; beyond the checkpoint of each file are at most window + checkpointLines, 2000 by default.
  assert.ok(sent < 84_000 - (10_000 - 3 * 2000), `it went on, and did not begin anew: ${sent} lines`)
  const once = work.start(built.of('log-producer'), { ...environment, KEDAFN_ONCE: 'true' })
  assert.deepEqual(await once.exited, { code: 0, signal: null })
  assert.equal(once.counters?.sent ?? 0, 0)
  consumer.kill('SIGTERM')
  assert.deepEqual(await consumer.exited, { code: 0, signal: null })
})
