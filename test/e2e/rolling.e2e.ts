import assert from 'node:assert/strict'
import { test } from 'node:test'
import { App, poll } from './support/app.ts'

test('rolling updates and rollbacks of producer and consumer under load: nothing lost, and the producer keeps the order', async (t) => {
  const app = await App.deploy(t, { functions: ['log-producer', 'log-consumer'] })
  await app.openFiles('log-producer')
  await app.openFiles('log-consumer')
  await app.kubectl.run('rollout', 'status', 'deployment/log-producer', '--timeout=120s')
  const count = 6000
  // About 50 lines at a time, for a minute or so.
  const drop = `i=0; while [ $i -lt ${count} ]; do j=0; while [ $j -lt 50 ]; do echo "line $i"; i=$((i+1)); j=$((j+1)); done >> /data/input.txt; sleep 0.5; done`
  const dropping = app.kubectl.run('exec', 'files-log-producer', '--', 'sh', '-c', drop)
  await t.waitFor(async () => assert.ok((await app.lines('log-consumer')).length > 0), poll)
  for (const step of ['restart', 'undo']) {
    for (const name of ['log-producer', 'log-consumer']) {
      await app.kubectl.run('rollout', step, `deployment/${name}`)
      await app.kubectl.run('rollout', 'status', `deployment/${name}`, '--timeout=180s')
    }
  }
  await dropping
  const expected = Array.from({ length: count }, (_, number) => `line ${number}`)
  await t.waitFor(async () => assert.ok(new Set(await app.lines('log-consumer')).size >= count), poll)
  const lines = await app.lines('log-consumer')
  const seen = new Set(lines)
  assert.deepEqual(
    expected.filter((line) => !seen.has(line)),
    [],
  )
  t.diagnostic(`${lines.length - count} written twice`)
  const published = await app.rabbit.history('logs')
  t.diagnostic(`${published.length - count} published twice`)
  assert.deepEqual([...new Set(published)], expected)
})
