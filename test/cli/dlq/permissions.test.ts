import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { vhostFor } from '../../broker/world.ts'
import { kedafn } from '../support/kedafn.ts'
import { bury, empty, idsOf } from './support.ts'

const admin = await vhostFor('cli-dlq-permissions')
const user = `kedafn-dlq-${process.pid}`
const page = readFileSync(new URL('../../../docs/reference/permissions.md', import.meta.url), 'utf8')

/** The patterns of a row of the page's last table. */
function patternsOf(row: string) {
  const [, configure, write, read] =
    new RegExp(`^\\| ${row} \\| \`(.*)\` \\| \`(.*)\` \\| \`(.*)\` \\|$`, 'm').exec(page) ?? []
  assert.ok(configure && write && read, row)
  return { configure, write, read }
}

test('what the page grants a person is enough, and what it does not grant is not needed', async (t) => {
  const vhost = encodeURIComponent(admin.vhost)
  await admin.api('PUT', `users/${user}`, { password: 'p', tags: '' })
  t.after(() => admin.api('DELETE', `users/${user}`))
  const url = new URL(admin.url)
  url.username = user
  url.password = 'p'
  const env = { AMQP_URL: url.href }
  const grant = (patterns: object) => admin.api('PUT', `permissions/${vhost}/${user}`, patterns)
  await bury(admin.url, [{ id: 'f:1' }, { id: 'f:2', code: 'FN_DROPPED' }])
  await grant(patternsOf('`kedafn dlq list`, `show`, `purge`'))
  for (const args of [
    ['list', 'logs'],
    ['show', 'logs'],
    ['purge', 'logs', '--code', 'FN_DROPPED', '--yes'],
  ]) {
    const { code, stderr } = await kedafn(t, ['dlq', ...args], { env })
    assert.deepEqual([code, stderr], [0, ''], args.join(' '))
  }
  const refused = await kedafn(t, ['dlq', 'redrive', 'logs'], { env })
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /^FN_PERMISSION_REFUSED .*amq\.default|default_exchange/m)
  const granted = patternsOf('`kedafn dlq redrive`')
  await grant({ ...granted, configure: '^$' })
  const unlocked = await kedafn(t, ['dlq', 'redrive', 'logs'], { env })
  assert.deepEqual([unlocked.code, unlocked.stdout], [0, '1 message moved from logs.dead to logs\n'])
  assert.match(unlocked.stderr, /^without the permission to configure 'logs\.dead\.lock' a second command may work/)
  await bury(admin.url, [{ id: 'f:3' }])
  await grant(granted)
  const locked = await kedafn(t, ['dlq', 'redrive', 'logs'], { env })
  assert.deepEqual([locked.code, locked.stderr], [0, ''])
  assert.deepEqual(idsOf(await empty(admin.url, 'logs')), ['f:1', 'f:3'])
})
