import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { typeSteps } from '../../e2e/support/guide.ts'
import { Workspace } from '../../support/workspace.ts'
import { idsOf, numbered, Queues } from '../support/queues.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const page = readFileSync(join(root, 'docs', 'howto', 'replay-history.md'), 'utf8')

test('the commands of docs/howto/replay-history.md do what it says, in its order', async (t) => {
  await using queues = await Queues.open('cli-guide')
  const queue = await queues.make({ queue: 'logs' })
  await queues.make({ queue: 'logs.second' })
  const now = Math.floor(Date.now() / 1000)
  await queues.send(queue, [
    { body: 'yesterday', messageId: 'f:old', timestamp: now - 86_400 },
    ...numbered(10).map((one) => ({ ...one, timestamp: now })),
    { body: 'ERROR no disk', messageId: 'f:disk', timestamp: now },
    { body: 'ERROR no net', messageId: 'f:net', timestamp: now },
  ])
  await queues.empty(queue)
  const { folder } = new Workspace(t, queues.vhost.url)
  const outputs = await typeSteps(page, root, folder, queues.env)
  const [looked, counted, replayed, matched, ...others] = outputs
  assert.deepEqual(others, [])
  assert.match(looked ?? '', /line 4\n(?:.*\n)*.*ERROR no disk\n(?:.*\n)* {4}id: f:disk\n/)
  assert.match(counted ?? '', /^12 messages of .*\n(?:.*\n)*2 messages of /m)
  assert.match(replayed ?? '', /^12 messages of logs\.history replayed into logs;/m)
  assert.match(matched ?? '', /^1 {2}\S+ {2}ERROR no disk\n/m)
  const ids = [...numbered(10).map(({ messageId }) => messageId), 'f:disk', 'f:net']
  assert.deepEqual(idsOf(await queues.empty(queue)), ids)
  assert.deepEqual(idsOf(await queues.empty('logs.second')), ['f:disk'])
})
