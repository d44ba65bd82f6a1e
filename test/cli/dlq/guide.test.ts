import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { typeSteps } from '../../e2e/support/guide.ts'
import { openVhost } from '../../support/broker.ts'
import { Workspace } from '../../support/workspace.ts'
import { bury, empty, idsOf } from './support.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const page = readFileSync(join(root, 'docs', 'howto', 'redrive-dead-letters.md'), 'utf8')

test('the commands of docs/howto/redrive-dead-letters.md do what it says, in its order', async (t) => {
  await using vhost = await openVhost('cli-dlq-guide')
  await bury(vhost.url, [
    { id: 'f:1', cause: 'no net' },
    { id: 'f:2', code: 'FN_DROPPED', cause: 'no sense' },
    { id: 'f:3', cause: 'no net' },
    { id: 'f:4', cause: 'no net' },
  ])
  const { folder } = new Workspace(t, vhost.url)
  const outputs = await typeSteps(page, root, folder, { AMQP_URL: vhost.url })
  const [listed, shown, moved, purged, ...others] = outputs
  assert.deepEqual(others, [])
  assert.match(listed ?? '', /^logs\.dead: 4 messages\n(?:.*\n)*FN_DROPPED +1 .* f:2 +no sense\n/)
  assert.match(shown ?? '', /^id +f:1\n(?:.*\n)*id +f:2\n/)
  assert.equal(JSON.parse(readFileSync(join(folder, 'dropped.json'), 'utf8'))[0].id, 'f:2')
  assert.equal(
    moved,
    `3 messages would be moved
  3 FN_ATTEMPTS_EXHAUSTED to logs
1 message moved from logs.dead to logs
2 messages moved from logs.dead to logs
1 left as not asked for
`,
  )
  assert.equal(purged, '1 message deleted from logs.dead, and saved to dropped.ndjson\n')
  assert.deepEqual(idsOf(await empty(vhost.url, 'logs')), ['f:1', 'f:3', 'f:4'])
  assert.deepEqual(await empty(vhost.url, 'logs.dead'), [])
})
