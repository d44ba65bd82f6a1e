import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { openVhost } from '../../support/broker.ts'
import { ready } from '../../support/queues.ts'
import { Workspace } from '../../support/workspace.ts'
import { kedafn } from '../support/kedafn.ts'
import { bury, empty, idsOf, numbered } from './support.ts'

const vhost = await openVhost('cli-dlq-purge')
const env = { AMQP_URL: vhost.url }
after(() => vhost.dispose())

test('without a terminal nothing is deleted unless --yes is given; a dry run counts', async (t) => {
  await bury(vhost.url, numbered(3))
  const { code, stderr } = await kedafn(t, ['dlq', 'purge', 'logs'], { env })
  assert.equal(code, 2)
  assert.match(stderr, /^there is no terminal to ask on; --yes deletes without asking\n/)
  const dry = await kedafn(t, ['dlq', 'purge', 'logs', '--dry-run'], { env })
  assert.deepEqual([dry.code, dry.stdout], [0, '3 messages would be deleted\n'])
  assert.equal(await ready(vhost.url, 'logs.dead'), 3)
  const yes = await kedafn(t, ['dlq', 'purge', 'logs', '--yes'], { env })
  assert.deepEqual([yes.code, yes.stdout, yes.stderr], [0, '3 messages deleted from logs.dead\n', ''])
  assert.equal(await ready(vhost.url, 'logs.dead'), 0)
})

test('what is saved is all of the message, byte for byte, and what does not fit stays in its place', async (t) => {
  const { folder } = new Workspace(t, vhost.url)
  const letters = numbered(1200).map((one, n) => ({
    ...one,
    body: Buffer.from([n & 255, 0xff, 0, 10]),
    headers: { n, bytes: Buffer.from([n & 255]) },
    ...(n % 4 === 1 ? { code: 'FN_DROPPED' } : {}),
  }))
  await bury(vhost.url, letters)
  const args = ['dlq', 'purge', 'logs', '--yes', '--code', 'FN_ATTEMPTS_EXHAUSTED', '--save', 'saved.ndjson']
  const { code, stdout } = await kedafn(t, args, { env, cwd: folder })
  assert.deepEqual([code, stdout], [0, '900 messages deleted from logs.dead, and saved to saved.ndjson\n'])
  const lines = readFileSync(`${folder}/saved.ndjson`, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  const wanted = letters.filter(({ code: one }) => one === undefined)
  assert.deepEqual(
    lines.map(({ properties, body }) => [properties.messageId, body]),
    wanted.map(({ id, body }) => [id, body.toString('base64')]),
  )
  assert.deepEqual(lines[0].headers.bytes, { '!': 'bytes', value: 'AA==' })
  assert.deepEqual(
    idsOf(await empty(vhost.url, 'logs.dead')),
    letters.filter(({ code: one }) => one !== undefined).map(({ id }) => id),
  )
})

test('a file that is there is not touched, and one that cannot be written to deletes nothing', async (t) => {
  const { folder } = new Workspace(t, vhost.url)
  await bury(vhost.url, numbered(2))
  writeFileSync(`${folder}/there`, 'precious')
  for (const [file, why] of [
    ['there', /^there cannot be made: EEXIST.*\nNothing is overwritten: name another file\n$/],
    ['/dev/null/x', /^\/dev\/null\/x cannot be made: ENOTDIR/],
  ] as const) {
    const { code, stderr } = await kedafn(t, ['dlq', 'purge', 'logs', '-y', '--save', file], { env, cwd: folder })
    assert.equal(code, 1)
    assert.match(stderr, why)
  }
  assert.equal(readFileSync(`${folder}/there`, 'utf8'), 'precious')
  assert.deepEqual(idsOf(await empty(vhost.url, 'logs.dead')), ['f:0', 'f:1'])
})

test('--limit deletes the oldest', async (t) => {
  await bury(vhost.url, numbered(30))
  const { stdout } = await kedafn(t, ['dlq', 'purge', 'logs', '-y', '--limit', '10'], { env })
  assert.equal(stdout, '10 messages deleted from logs.dead\n')
  assert.deepEqual(
    idsOf(await empty(vhost.url, 'logs.dead')),
    numbered(30)
      .slice(10)
      .map(({ id }) => id),
  )
})
